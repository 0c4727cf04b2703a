"""`millrace config show`: every setting in force, secrets hidden."""

import json
from typing import Annotated, Any

import typer
from pydantic import BaseModel, SecretStr

from infra.settings import load_settings

app = typer.Typer(
    help="Settings: millrace.toml < MILLRACE__SECTION__KEY < --set section.key=value.", no_args_is_help=True
)

UNSET = "(unset)"
STARS = "********"


@app.command("show")
def show(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Print every setting with its value."""
    settings = load_settings()
    if as_json:
        typer.echo(json.dumps(settings.model_dump(mode="json"), indent=2))
        return
    for path, value in leaves(settings):
        typer.echo(f"{path} = {shown(value)}")


def leaves(section: BaseModel, path: str = "") -> list[tuple[str, Any]]:
    """Every setting below `section` as (dotted name, value)."""
    found: list[tuple[str, Any]] = []
    for name in type(section).model_fields:
        value, here = getattr(section, name), f"{path}{name}"
        found += leaves(value, f"{here}.") if isinstance(value, BaseModel) else [(here, value)]
    return found


def shown(value: object) -> str:
    """A value for people: lists and maps as the environment takes them, secrets as stars, nothing as (unset)."""
    if value is None or value == "":
        return UNSET
    if isinstance(value, SecretStr):
        return STARS if value.get_secret_value() else UNSET
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_quoted(name)}: {_quoted(one)}" for name, one in value.items()) + "}"
    if isinstance(value, frozenset | tuple | list):
        quoted = map(_quoted, value)
        return "[" + ", ".join(sorted(quoted) if isinstance(value, frozenset) else quoted) + "]"
    return str(value)


def _quoted(value: object) -> str:
    if isinstance(value, BaseModel):
        return value.model_dump_json()
    return json.dumps(STARS if isinstance(value, SecretStr) else value)
