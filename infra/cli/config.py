"""`millrace config show`: every setting in force, secrets hidden."""

import json
from typing import Annotated, Any

import typer
from pydantic import BaseModel, SecretStr

from infra.settings import load_settings

app = typer.Typer(
    help="Settings: millrace.toml < MILLRACE__SECTION__KEY < --set section.key=value.", no_args_is_help=True
)


@app.command("show")
def show(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Print every setting with its value."""
    settings = load_settings()
    if as_json:
        typer.echo(json.dumps(settings.model_dump(mode="json"), indent=2))
        return
    for path, value in leaves(settings):
        typer.echo(f"{path} = {value}")


def leaves(section: BaseModel, path: str = "") -> list[tuple[str, Any]]:
    """Every setting below `section` as (dotted name, value); secrets print as stars."""
    found: list[tuple[str, Any]] = []
    for name in type(section).model_fields:
        value, here = getattr(section, name), f"{path}{name}"
        if isinstance(value, BaseModel):
            found += leaves(value, f"{here}.")
        else:
            found.append((here, "(unset)" if value is None else "********" if isinstance(value, SecretStr) else value))
    return found
