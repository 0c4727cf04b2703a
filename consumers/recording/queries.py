"""Questions in SQL about the recorded facts, and the answers: read-only, bounded in time, rows and memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from threading import Lock
from time import perf_counter

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, Error
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError
from pydantic_core import to_json

from consumers.recording.clickhouse import BEYOND_LIMITS, OUT_OF_ORDER, sentence
from consumers.recording.statements import objection, objection_to_sources
from streams.errors import MillraceError, Unavailable

MAX_SQL_CHARACTERS = 100_000
PATIENCE_S = 60.0
"""How long a question waits for the one before it."""

Row = tuple[object, ...]


class QueryRefused(MillraceError):
    """The question cannot be answered as it was put. `status` is the HTTP status that says why."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status = status


@dataclass(frozen=True, slots=True)
class QueryResult:
    """The answer to a question. `truncated`: there are more rows than the limit let through."""

    columns: tuple[str, ...]
    rows: Sequence[Row]
    elapsed_s: float
    truncated: bool


class SqlRequest(BaseModel):
    """A question over HTTP, such as `{"sql": "SELECT 1", "limit": 100}`."""

    model_config = ConfigDict(extra="forbid")

    sql: str = Field(min_length=1, max_length=MAX_SQL_CHARACTERS)
    limit: PositiveInt | None = None


def run_query(client: Client, sql: str, limit: int) -> QueryResult:
    """Ask `sql` through a reading client; at most `limit` rows come back.

    Raises QueryRefused if the statement is no question, is wrong or costs too much, Unavailable if the engine cannot
    answer.
    """
    started = perf_counter()
    try:
        columns, rows = _answer(client, _judged(client, sql), limit)
    except ClickHouseError as error:
        raise _translated(error) from error
    return QueryResult(columns, rows[:limit], perf_counter() - started, truncated=len(rows) > limit)


def sql_endpoint(client: Client, max_rows: int, patience_s: float = PATIENCE_S) -> Callable[[bytes], tuple[int, bytes]]:
    """What the recording process serves to `millrace sql`: the body of a SqlRequest in, status and JSON out.

    An answer is `{columns, rows, elapsed_s, truncated}`, an error a problem of RFC 9457. Safe to call from any thread:
    one question is answered at a time, which also bounds the memory of them all.
    """
    one_at_a_time = Lock()

    def answer(body: bytes) -> tuple[int, bytes]:
        try:
            request = SqlRequest.model_validate_json(body)
        except ValidationError as error:
            return _problem(HTTPStatus.BAD_REQUEST, f"write {{'sql': 'SELECT 1'}} in JSON: {error.errors()[0]['msg']}")
        if not one_at_a_time.acquire(timeout=patience_s):
            return _problem(HTTPStatus.SERVICE_UNAVAILABLE, "another question is being answered; try again")
        try:
            result = run_query(client, request.sql, min(request.limit or max_rows, max_rows))
        except QueryRefused as refusal:
            return _problem(refusal.status, str(refusal))
        except Unavailable as error:
            return _problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
        finally:
            one_at_a_time.release()
        return HTTPStatus.OK, encoded(result)

    return answer


def encoded(result: QueryResult) -> bytes:
    """The answer as JSON; numbers that JSON does not know are null."""
    return to_json(result, inf_nan_mode="null", serialize_unknown=True)


def _problem(status: HTTPStatus, detail: str) -> tuple[int, bytes]:
    return status, to_json({"type": "about:blank", "title": status.phrase, "status": status, "detail": detail})


def _judged(client: Client, sql: str) -> str:
    """The statement in the engine's own words, if it may be answered."""
    if len(sql) > MAX_SQL_CHARACTERS:
        raise QueryRefused(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a statement has at most {MAX_SQL_CHARACTERS} characters"
        )
    [[canonical]] = client.query("SELECT formatQuerySingleLine({sql:String})", parameters={"sql": sql}).result_rows
    reason = objection(canonical)
    if reason is None:  # the tree of a statement with INTO OUTFILE is better never asked for
        reason = objection_to_sources(_lines(client, f"EXPLAIN AST {canonical}"))
    if reason is not None:
        raise QueryRefused(HTTPStatus.FORBIDDEN, reason)
    return str(canonical)


def _answer(client: Client, sql: str, limit: int) -> tuple[tuple[str, ...], list[Row]]:
    if sql.startswith("EXPLAIN AST"):
        return ("explain",), [(line,) for line in _lines(client, sql)]
    if not sql.lstrip("( ").startswith(("SELECT", "WITH")):
        whole = client.query(sql)
        return tuple(whole.column_names), [tuple(row) for row in whole.result_rows]
    columns, rows = _first_rows(client, sql, limit)
    return columns or _described(client, sql), rows


def _lines(client: Client, explain_ast: str) -> list[str]:
    """A syntax tree. Not by the client's own format, which the statement would take for a part of what it explains."""
    return client.raw_query(explain_ast).decode().splitlines()


def _first_rows(client: Client, sql: str, limit: int) -> tuple[tuple[str, ...], list[Row]]:
    """Reads block by block and stops once there is one row too many. An answer without rows comes without columns."""
    rows: list[Row] = []
    with client.query_row_block_stream(sql) as blocks:
        for block in blocks:
            rows.extend(tuple(row) for row in block)
            if len(rows) > limit:
                break
        return tuple(blocks.source.column_names), rows


def _described(client: Client, sql: str) -> tuple[str, ...]:
    return tuple(row[0] for row in client.query(f"DESCRIBE TABLE ({sql})").result_rows)


def _translated(error: ClickHouseError) -> MillraceError:
    code = error.code if isinstance(error, Error) else None
    if code is None or code in OUT_OF_ORDER:
        return Unavailable(f"ClickHouse cannot answer: {sentence(error)}")
    if code in BEYOND_LIMITS:
        return QueryRefused(HTTPStatus.UNPROCESSABLE_ENTITY, f"the question costs too much: {sentence(error)}")
    return QueryRefused(HTTPStatus.BAD_REQUEST, sentence(error))
