"""`millrace sql`: questions in SQL about what was recorded.

chDB lets one process at a time open its data, and that is the recording process, so it is asked over HTTP; a ClickHouse
server is asked directly. Either way the same code judges the statement and keeps the limits.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic_core import from_json, to_json

from infra.settings import Settings, load_settings
from streams.errors import MillraceError, Misconfigured, Unavailable

if TYPE_CHECKING:  # the client library is loaded only where a server is asked
    from consumers.recording.config import RecordingConfig

EXAMPLES = Path(__file__).parents[2] / "docs" / "queries.md"

_FENCE = "```sql\n"

WAITING_S = 70.0
"""How long an answer may take beyond its own limit: the recording process answers one question at a time."""

Answer = dict[str, Any]
"""columns, rows, elapsed_s and truncated, as the recording process answers."""


def sql_command(recording_url: Callable[[Settings], str]) -> Callable[..., None]:
    """The command; `recording_url` finds the address of the running recording process, or raises Unavailable."""

    def sql(
        query: Annotated[str, typer.Argument(metavar="[QUERY]", help="One statement; `-` reads standard input.")] = "",
        as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
        limit: Annotated[int, typer.Option(min=1, help="Print at most this many rows.")] = 1000,
        examples: Annotated[bool, typer.Option("--examples", help="Print the documented examples.")] = False,
    ) -> None:
        """Ask the recorded facts in SQL. `SHOW TABLES` lists what there is, `DESCRIBE item_journey` its columns."""
        if examples:
            typer.echo(documented_examples())
            return
        statement = sys.stdin.read() if query == "-" else query
        if not statement.strip():
            raise Misconfigured('write a statement, such as millrace sql "SHOW TABLES", or see millrace sql --examples')
        settings = load_settings()
        config = settings.recording
        if config.embedded:
            answer = ask_process(recording_url(settings), statement, limit, config.query_seconds + WAITING_S)
        else:
            answer = ask_server(statement, limit, config)
        show(answer, as_json)

    return sql


def ask_process(url: str, statement: str, limit: int, timeout_s: float) -> Answer:
    """The answer of the recording process at `url`, the address of its operators' door."""
    import httpx

    try:
        response = httpx.post(
            f"{url.rstrip('/')}/sql",
            content=to_json({"sql": statement, "limit": limit}),
            headers={"content-type": "application/json"},
            timeout=httpx.Timeout(timeout_s, connect=5.0),
            trust_env=False,  # the loopback is never behind a proxy
        )
    except httpx.TimeoutException as error:
        raise Unavailable(f"the recording process at {url} took too long; see `millrace status`") from error
    except httpx.TransportError as error:
        raise Unavailable(f"the recording process at {url} does not answer; start Millrace with `make up`") from error
    if not response.is_success:
        raise MillraceError(_detail(response.content) or f"the recording process answered {response.status_code}")
    return dict(from_json(response.content))


def ask_server(statement: str, limit: int, config: "RecordingConfig") -> Answer:
    """The answer of the ClickHouse server that the settings name."""
    from consumers.recording.clickhouse import opening, reading_client
    from consumers.recording.queries import encoded, run_query

    with opening(config):
        client = reading_client(config)
    try:
        return dict(from_json(encoded(run_query(client, statement, min(limit, config.query_rows)))))
    finally:
        client.close()


def show(answer: Answer, as_json: bool) -> None:
    """A table on a terminal; tab-separated values elsewhere, with a line of names; JSON if asked for."""
    if as_json:
        typer.echo(to_json(answer, indent=2).decode())
    elif sys.stdout.isatty():
        _print_table(answer)
    else:
        lines = [answer["columns"], *([_plain(value) for value in row] for row in answer["rows"])]
        typer.echo("\n".join("\t".join(line) for line in lines))
    if answer["truncated"]:
        typer.echo(f"only the first {len(answer['rows'])} rows; raise --limit or ask for less", err=True)


def documented_examples() -> str:
    """The examples of docs/queries.md, each with its question as a comment."""
    if not EXAMPLES.is_file():
        raise Misconfigured("the examples are in docs/queries.md of the source tree, which is not here")
    sections = (section.partition("\n") for section in EXAMPLES.read_text("utf-8").split("\n## "))
    return "\n".join(f"-- {question}\n{_sql(body)}" for question, _, body in sections if _FENCE in body).rstrip()


def _sql(body: str) -> str:
    return body.partition(_FENCE)[2].partition("```")[0]


def _print_table(answer: Answer) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*answer["columns"])
    for row in answer["rows"]:
        table.add_row(*(Text(_plain(value)) for value in row))
    Console().print(table)
    count = len(answer["rows"])
    typer.echo(f"{count} row{'' if count == 1 else 's'} in {answer['elapsed_s']:.2f} s")


def _plain(value: object) -> str:
    r"""One cell on one line: text as it is with tabs and line ends escaped, NULL as \N, the rest as JSON."""
    if value is None:
        return r"\N"
    if isinstance(value, str):
        return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    return to_json(value).decode()


def _detail(body: bytes) -> str | None:
    """What a problem (RFC 9457) says, if this is one."""
    try:
        problem = from_json(body)
    except ValueError:
        return None
    return str(problem["detail"]) if isinstance(problem, dict) and "detail" in problem else None
