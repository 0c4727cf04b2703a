"""How commands ask the running API, as any client would, and print what it says."""

import sys
from typing import TYPE_CHECKING, Any

import typer
from pydantic_core import from_json, to_json

from infra.settings import Settings
from streams.errors import MillraceError, Unavailable

if TYPE_CHECKING:  # loaded when something is asked
    import httpx

TIMEOUT_S = 60.0

Found = dict[str, Any]
"""The answer of the API."""


def ask(url: str, path: str, request: dict[str, Any], key: str | None = None) -> Found:
    """The answer of the API at `url`. Raises Unavailable if there is none, MillraceError if it refuses."""
    import httpx

    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {key}"} if key else {})
    try:
        with httpx.Client(timeout=httpx.Timeout(TIMEOUT_S, connect=5.0), trust_env=False) as client:
            response = client.post(f"{url.rstrip('/')}{path}", content=to_json(request), headers=headers)
    except httpx.TimeoutException as error:
        raise Unavailable(f"the API at {url} took too long; see `millrace status`") from error
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise Unavailable(f"nothing answers at {url}; start it with `make up`") from error
    if not response.is_success:
        raise MillraceError(_refusal(response))
    return dict(from_json(response.content))


def key_of(settings: Settings) -> str | None:
    """The first configured API key, as the API here asks for one of them."""
    key = next(iter(settings.api.api_keys), None)
    return key.get_secret_value() if key else None


def print_table(names: list[str], rows: list[list[str]]) -> None:
    """A table on a terminal; tab-separated lines with names above elsewhere. Nothing where there are no rows."""
    if not rows:
        return
    if not sys.stdout.isatty():
        typer.echo("\n".join("\t".join(row) for row in [names, *rows]))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*names)
    for row in rows:
        table.add_row(*map(Text, row))
    Console().print(table)


def plain(text: str) -> str:
    """Without what could steer a terminal: a blank for each character that does not print."""
    return "".join(one if one.isprintable() else " " for one in text)


def _refusal(response: "httpx.Response") -> str:
    """What the problem details say, or the status where there are none."""
    try:
        problem = from_json(response.content)
    except ValueError:
        problem = None
    detail = problem.get("detail") if isinstance(problem, dict) else None
    return f"the API refused: {detail or f'status {response.status_code}'}"
