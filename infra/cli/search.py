"""`millrace search`: asks the running API, as any client would."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic_core import from_json, to_json

from infra.cli.where import api_url
from infra.settings import Settings, load_settings
from schemas.items import Modality
from streams.errors import MillraceError, Unavailable

if TYPE_CHECKING:  # loaded when a search is asked for
    import httpx

PATH = "/v1/retrieval/search"
TIMEOUT_S = 60.0
EXCERPT_CHARACTERS = 100

Found = dict[str, Any]
"""The answer of the API."""


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
    found = ask(url or api_url(settings), request, _key(settings))
    typer.echo(to_json(found, indent=2).decode()) if as_json else show(found, show_versions)


def ask(url: str, request: dict[str, Any], key: str | None = None) -> Found:
    """The answer of the API at `url`. Raises Unavailable if there is none, MillraceError if it refuses."""
    import httpx

    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {key}"} if key else {})
    try:
        with httpx.Client(timeout=httpx.Timeout(TIMEOUT_S, connect=5.0), trust_env=False) as client:
            response = client.post(f"{url.rstrip('/')}{PATH}", content=to_json(request), headers=headers)
    except httpx.TimeoutException as error:
        raise Unavailable(f"the API at {url} took too long; see `millrace status`") from error
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise Unavailable(f"nothing answers at {url}; start it with `make up`") from error
    if not response.is_success:
        raise MillraceError(_refusal(response))
    return dict(from_json(response.content))


def show(found: Found, with_versions: bool) -> None:
    """A table on a terminal; tab-separated lines with names above elsewhere."""
    names, rows = table_of(found, with_versions)
    if sys.stdout.isatty():
        _print_table(names, rows)
    elif rows:
        typer.echo("\n".join("\t".join(row) for row in [names, *rows]))
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
        start = [str(result["position"]), f"{result['score']:.4f}", _plain(result["id"]), result["modality"]]
        rows.append([*start, *version, _excerpt(result["text"] or result["uri"] or "")])
    return names, rows


def _print_table(names: list[str], rows: list[list[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*names)
    for row in rows:
        table.add_row(*map(Text, row))
    if rows:
        Console().print(table)


def _excerpt(text: str) -> str:
    line = " ".join(_plain(text).split())
    return line if len(line) <= EXCERPT_CHARACTERS else f"{line[: EXCERPT_CHARACTERS - 1]}…"


def _plain(text: str) -> str:
    """Without what could steer a terminal: a blank for each character that does not print."""
    return "".join(one if one.isprintable() else " " for one in text)


def _key(settings: Settings) -> str | None:
    """The first configured API key, as the API here asks for one of them."""
    key = next(iter(settings.api.api_keys), None)
    return key.get_secret_value() if key else None


def _refusal(response: "httpx.Response") -> str:
    """What the problem details say, or the status where there are none."""
    try:
        problem = from_json(response.content)
    except ValueError:
        problem = None
    detail = problem.get("detail") if isinstance(problem, dict) else None
    return f"the API refused the search: {detail or f'status {response.status_code}'}"
