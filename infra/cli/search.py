"""`millrace search`: asks the running API, as any client would."""

from typing import Annotated

import typer
from pydantic_core import to_json

from infra.cli.asking import Found, ask, key_of, plain, print_table
from infra.cli.where import api_url
from infra.settings import load_settings
from schemas.items import Modality

PATH = "/v1/retrieval/search"
EXCERPT_CHARACTERS = 100


def search(
    words: Annotated[str, typer.Argument(help="What to look for, in words.")],
    *,
    k: Annotated[int, typer.Option("--k", "-k", min=1, max=100, help="Results wanted.")] = 10,
    modality: Annotated[list[Modality] | None, typer.Option(help="Only of this kind; may be repeated.")] = None,
    language: Annotated[list[str] | None, typer.Option(help="Only in this language, such as en.")] = None,
    source: Annotated[list[str] | None, typer.Option(help="Only from this source.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Only with this tag.")] = None,
    nsfw: Annotated[bool | None, typer.Option("--nsfw/--no-nsfw", help="Only what was judged so.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the API's answer.")] = False,
    show_versions: Annotated[bool, typer.Option("--show-versions", help="Print versions of items and model.")] = False,
    url: Annotated[str | None, typer.Option(help="Address of the API; else that of the installation here.")] = None,
) -> None:
    """Find items by meaning and by words, across modalities."""
    settings = load_settings()
    filters = {"modality": modality, "language": language, "source": source, "tags": tag, "nsfw_flag": nsfw}
    given = {name: value for name, value in filters.items() if value not in (None, [])}
    request = {"query": {"text": words}, "k": k, "filters": given}
    found = ask(url or api_url(settings), PATH, request, key_of(settings))
    typer.echo(to_json(found, indent=2).decode()) if as_json else show(found, show_versions)


def show(found: Found, with_versions: bool) -> None:
    """A table on a terminal; tab-separated lines with names above elsewhere."""
    names, rows = table_of(found, with_versions)
    print_table(names, rows)
    if not rows:
        typer.echo("nothing found", err=True)
    if with_versions:
        made_by = f"model {found['model_version']}, generation {found['generation']}, policy {found['policy']}"
        typer.echo(f"{made_by}, impression {found['impression_id']}", err=True)


def table_of(found: Found, with_versions: bool) -> tuple[list[str], list[list[str]]]:
    """Names of columns, and one row for each result."""
    names = ["rank", "score", "id", "modality", *(["version"] if with_versions else []), "excerpt"]
    rows = []
    for result in found["results"]:
        version = [str(result["version"])] if with_versions else []
        start = [str(result["position"]), f"{result['score']:.4f}", plain(result["id"]), result["modality"]]
        rows.append([*start, *version, _excerpt(result["text"] or result["uri"] or "")])
    return names, rows


def _excerpt(text: str) -> str:
    line = " ".join(plain(text).split())
    return line if len(line) <= EXCERPT_CHARACTERS else f"{line[: EXCERPT_CHARACTERS - 1]}…"
