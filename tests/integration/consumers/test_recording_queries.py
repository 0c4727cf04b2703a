"""Questions on the real engine: answered within limits, and nothing but questions. Then the same by command line."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import NoReturn

import pytest
import typer
from typer.testing import CliRunner

from consumers.recording.clickhouse import ClickHouseTables, Engine
from consumers.recording.config import RecordingConfig
from consumers.recording.queries import QueryRefused, encoded, run_query, sql_endpoint
from consumers.recording.stage import recording_stage
from infra.cli import sql as command_line
from infra.settings import Settings
from schemas.items import ItemPublished
from streams.errors import MillraceError, Misconfigured, Unavailable
from streams.record import Origin
from streams.stage import Incoming

CONFIG = RecordingConfig(query_seconds=1, query_memory_bytes=100_000_000, query_rows=1000)
ITEMS = 3


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = Engine.open(CONFIG, tmp_path_factory.mktemp("chdb"))
    items = [ItemPublished(item_id=f"i{n}", text="one\ttwo\n") for n in range(ITEMS)]
    place = Origin("millrace.items.raw.v1", 0, 0)
    recording_stage(ClickHouseTables(engine.writer)).outcomes([Incoming(item, place) for item in items])
    yield engine
    engine.close()


def refusal(engine: Engine, sql: str) -> QueryRefused:
    with pytest.raises(QueryRefused) as refused:
        run_query(engine.reader, sql, limit=10)
    return refused.value


def test_an_answer_has_columns_and_rows(engine: Engine) -> None:
    result = run_query(engine.reader, "SELECT item_id, length(tags) FROM item_published ORDER BY item_id", limit=10)
    assert result.columns == ("item_id", "length(tags)")
    assert result.rows == [("i0", 0), ("i1", 0), ("i2", 0)]
    assert not result.truncated


def test_an_answer_without_rows_has_columns(engine: Engine) -> None:
    result = run_query(engine.reader, "SELECT reason, version FROM item_rejected -- none yet", limit=10)
    assert (result.columns, result.rows) == (("reason", "version"), [])


def test_an_answer_is_cut_at_the_limit_and_says_so(engine: Engine) -> None:
    result = run_query(engine.reader, "SELECT number FROM system.numbers", limit=5)
    assert result.rows == [(0,), (1,), (2,), (3,), (4,)]
    assert result.truncated


def test_an_answer_of_exactly_the_limit_is_whole(engine: Engine) -> None:
    assert not run_query(engine.reader, "SELECT number FROM numbers(5)", limit=5).truncated


@pytest.mark.parametrize(
    "sql",
    [
        "SHOW TABLES",
        "DESCRIBE item_journey;",
        "EXPLAIN SELECT 1",
        "EXPLAIN AST SELECT 'a\\tb\\nc'",
        "WITH 1 AS x SELECT x /* a comment; with a semicolon */",
        "(SELECT 1) UNION ALL (SELECT 2)",
        "SELECT name FROM system.tables WHERE database = currentDatabase()",
        "SELECT 'INTO OUTFILE', $$file('/etc/passwd'); DROP TABLE x$$",
        "FROM item_published SELECT item_id",
    ],
)
def test_questions_of_every_kind_are_answered(engine: Engine, sql: str) -> None:
    assert run_query(engine.reader, sql, limit=100).rows


CHANGES = [
    "INSERT INTO item_published_log (item_id) VALUES ('x')",
    "DROP TABLE item_published_log",
    "ALTER TABLE item_published_log DELETE WHERE 1",
    "TRUNCATE TABLE item_published_log",
    "CREATE TABLE x (a Int64) ENGINE = Memory",
    "CREATE TEMPORARY TABLE x (a Int64)",
    "OPTIMIZE TABLE item_published_log FINAL",
    "SYSTEM FLUSH LOGS",
    "KILL QUERY WHERE 1",
    "SET readonly = 0",
    "USE system",
    "/* SELECT */ DROP TABLE item_published_log",
]


@pytest.mark.parametrize("sql", CHANGES)
def test_changes_are_refused(engine: Engine, sql: str) -> None:
    assert refusal(engine, sql).status == 403
    assert run_query(engine.reader, "SELECT count() FROM item_published", limit=1).rows == [(ITEMS,)]


@pytest.mark.parametrize("sql", [*CHANGES[:-4], "SET readonly = 0"])
def test_the_engine_refuses_changes_by_itself_too(engine: Engine, sql: str) -> None:
    with pytest.raises(Exception, match="READONLY"):
        engine.reader.command(sql)


@pytest.mark.parametrize("sql", ["SELECT 1; SELECT 2", "SELECT 1; DROP TABLE item_published_log"])
def test_two_statements_at_once_are_refused(engine: Engine, sql: str) -> None:
    assert "Multi-statements are not allowed" in str(refusal(engine, sql))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT file('{secret}')",
        "SELECT `file`('{secret}')",
        "SELECT * FROM file('{secret}', 'LineAsString')",
        "DESCRIBE file('{secret}', 'LineAsString')",
        "DESCRIBE (SELECT file('{secret}'))",
        "EXPLAIN QUERY TREE SELECT file('{secret}')",
        "SHOW TABLES WHERE file('{secret}') LIKE '%hidden%'",
        "SELECT * APPLY(x -> file(x)) FROM (SELECT '{secret}')",
        "SELECT COLUMNS('a') APPLY file FROM (SELECT '{secret}' AS a)",
        "WITH (SELECT file('{secret}')) AS x SELECT x",
        "SELECT * FROM view(SELECT file('{secret}'))",
        "SELECT count() FROM numbers(1) WHERE 1 IN (SELECT length(file('{secret}')))",
        "SELECT * FROM url('file://{secret}', 'LineAsString', 'a String')",
        "SELECT * FROM s3('http://127.0.0.1:9/x', 'LineAsString', 'a String')",
        "SELECT * FROM remote('127.0.0.1', system.one)",
        "SELECT * FROM cluster('default', system.one)",
        "SELECT * FROM executable('id', 'TSV', 'a String')",
        "SELECT * FROM python('x')",
        "SELECT * FROM merge('system', '.*')",
        "SELECT * FROM sqlite('{secret}', 't')",
        "EXPLAIN TABLE OVERRIDE mysql('127.0.0.1:9', 'a', 'b', 'c', 'd') PARTITION BY x",
        "SELECT * FROM system.disks",
        "SELECT * FROM `system`.`stack_trace`",
        "SELECT 1 IN system.processes",
        "SELECT 1 PARALLEL WITH SELECT 2",
    ],
)
def test_nothing_looks_at_the_machine(engine: Engine, tmp_path: Path, sql: str) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("hidden")
    refused = refusal(engine, sql.replace("{secret}", str(secret)))
    assert refused.status == 403
    assert "hidden" not in str(refused)


@pytest.mark.parametrize("sql", ["SELECT 1 INTO OUTFILE '{out}'", "EXPLAIN SELECT 1 INTO OUTFILE '{out}' FORMAT CSV"])
def test_nothing_is_written_to_a_file(engine: Engine, tmp_path: Path, sql: str) -> None:
    out = tmp_path / "out.txt"
    assert refusal(engine, sql.replace("{out}", str(out))).status == 403
    assert not out.exists()


@pytest.mark.parametrize(
    "sql",
    ["SELECT sum(number) FROM system.numbers", "SELECT groupArray(toString(number)) FROM numbers(100000000)"],
    ids=["time", "memory"],
)
def test_a_question_that_costs_too_much_is_stopped(engine: Engine, sql: str) -> None:
    refused = refusal(engine, sql)
    assert refused.status == 422
    assert str(refused).startswith("the question costs too much: ")


@pytest.mark.parametrize("setting", ["readonly = 0", "max_execution_time = 1000", "max_memory_usage = 0"])
def test_no_question_can_raise_its_own_limits(engine: Engine, setting: str) -> None:
    assert "in readonly mode" in str(refusal(engine, f"SELECT 1 SETTINGS {setting}"))


@pytest.mark.parametrize("sql", ["SELEC 1", "SELECT * FROM nowhere", "SELECT {x:String}", "  ", "SELECT (((((1"])
def test_wrong_sql_is_told_in_one_sentence(engine: Engine, sql: str) -> None:
    refused = refusal(engine, sql)
    assert refused.status == 400
    assert "\n" not in str(refused)
    assert "DB::Exception" not in str(refused)


def test_a_refused_question_does_not_spoil_the_next(engine: Engine) -> None:
    for sql in ("SELECT sum(throwIf(number = 100000)) FROM numbers(200000)", "SELECT 1; SELECT 2", "SELECT file('/')"):
        refusal(engine, sql)
        assert run_query(engine.reader, "SELECT 1", limit=1).rows == [(1,)]


def test_every_kind_of_value_has_a_form_in_json(engine: Engine) -> None:
    sql = """
    SELECT toDateTime64('2026-05-01 12:00:00.5', 6, 'UTC'), toUUID('00000000-0000-0000-0000-000000000001'), NULL, nan,
           [1, 2], map('a', 1), (1, 'x'), toDecimal64(1.5, 2), toDate('2026-05-01'), toIPv4('10.0.0.1'),
           18446744073709551615
    """
    [row] = json.loads(encoded(run_query(engine.reader, sql, limit=1)))["rows"]
    assert row == [
        "2026-05-01T12:00:00.500000Z",
        "00000000-0000-0000-0000-000000000001",
        None,
        None,
        [1, 2],
        {"a": 1},
        [1, "x"],
        "1.50",
        "2026-05-01",
        "10.0.0.1",
        18446744073709551615,
    ]


def test_the_endpoint_answers_in_json(engine: Engine) -> None:
    status, body = sql_endpoint(engine.reader, max_rows=10)(b'{"sql": "SELECT number FROM numbers(3)", "limit": 2}')
    answer = json.loads(body)
    assert status == 200
    assert answer.pop("elapsed_s") > 0
    assert answer == {"columns": ["number"], "rows": [[0], [1]], "truncated": True}


def test_the_endpoint_keeps_its_own_limit(engine: Engine) -> None:
    _, body = sql_endpoint(engine.reader, max_rows=2)(b'{"sql": "SELECT number FROM numbers(9)", "limit": 5}')
    assert json.loads(body)["rows"] == [[0], [1]]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"sql": "DROP TABLE x"}', 403),
        (b'{"sql": "SELEC"}', 400),
        (b'{"sql": ""}', 400),
        (b'{"sql": "SELECT 1", "limit": 0}', 400),
        (b'{"sql": "SELECT 1", "user": "me"}', 400),
        (b"SELECT 1", 400),
        (b"\xff", 400),
        (json.dumps({"sql": "SELECT 1 -- " + "x" * 100_000}).encode(), 400),
        (b'{"sql": "SELECT sum(number) FROM system.numbers"}', 422),
    ],
)
def test_the_endpoint_explains_a_problem(engine: Engine, body: bytes, status: int) -> None:
    answered, problem = sql_endpoint(engine.reader, max_rows=10)(body)
    assert answered == status
    assert set(json.loads(problem)) == {"type", "title", "status", "detail"}
    assert json.loads(problem)["status"] == status


def test_questions_and_recording_do_not_wait_for_each_other(engine: Engine) -> None:
    """A long question runs in a thread of the operators' door while the stage inserts."""
    endpoint, statuses = sql_endpoint(engine.reader, max_rows=10), list[int]()
    stage = recording_stage(ClickHouseTables(engine.writer))
    slow = b'{"sql": "SELECT sum(number) FROM system.numbers"}'
    asking = [threading.Thread(target=lambda: statuses.append(endpoint(slow)[0])) for _ in range(2)]
    for thread in asking:
        thread.start()
    item = Incoming(ItemPublished(item_id="i0", text="t"), Origin("t", 0, 0))
    inserted_meanwhile = 0
    while any(thread.is_alive() for thread in asking):
        assert stage.outcomes([item]) == [()]
        inserted_meanwhile += 1
    engine.writer.command(f"ALTER TABLE item_published_log DELETE WHERE event_id = '{item.fact.event_id}'")
    assert statuses == [422, 422]
    assert inserted_meanwhile > 2


def test_a_question_that_cannot_wait_for_the_one_before_it_is_told_so(engine: Engine) -> None:
    endpoint = sql_endpoint(engine.reader, max_rows=10, patience_s=0.01)
    slow = threading.Thread(target=endpoint, args=(b'{"sql": "SELECT sum(number) FROM system.numbers"}',))
    slow.start()
    statuses = []
    while slow.is_alive():
        statuses.append(endpoint(b'{"sql": "SELECT 1"}')[0])
    assert 503 in statuses


def test_a_statement_has_a_longest_length(engine: Engine) -> None:
    assert refusal(engine, "SELECT 1 -- " + "x" * 100_000).status == 413


class RecordedSettings(Settings):
    recording: RecordingConfig = CONFIG


@pytest.fixture
def recording_url(engine: Engine) -> Iterator[str]:
    """The operators' door of a recording process, as far as `millrace sql` knows it."""
    answer = sql_endpoint(engine.reader, max_rows=CONFIG.query_rows)

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, body = answer(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(status if self.path == "/sql" else 404)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Door)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def run(monkeypatch: pytest.MonkeyPatch, url: str, *words: str, stdin: str = "") -> tuple[str, str]:
    """Standard output and standard error of `millrace sql WORDS`."""
    monkeypatch.setattr(command_line, "load_settings", RecordedSettings)
    app = typer.Typer()
    app.command()(command_line.sql_command(lambda _: url))
    result = CliRunner().invoke(app, list(words), input=stdin)
    if result.exception is not None and isinstance(result.exception, MillraceError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout, result.stderr


def test_the_command_prints_lines_of_tab_separated_values(monkeypatch: pytest.MonkeyPatch, recording_url: str) -> None:
    sql = "SELECT item_id, text, language, tags FROM item_published ORDER BY item_id LIMIT 2"
    out, err = run(monkeypatch, recording_url, sql)
    assert out == "item_id\ttext\tlanguage\ttags\ni0\tone\\ttwo\\n\t\\N\t[]\ni1\tone\\ttwo\\n\t\\N\t[]\n"
    assert err == ""


def test_the_command_says_when_there_is_more(monkeypatch: pytest.MonkeyPatch, recording_url: str) -> None:
    out, err = run(monkeypatch, recording_url, "SELECT number FROM numbers(9)", "--limit", "2")
    assert out == "number\n0\n1\n"
    assert err == "only the first 2 rows; raise --limit or ask for less\n"


def test_the_command_prints_json(monkeypatch: pytest.MonkeyPatch, recording_url: str) -> None:
    out, _ = run(monkeypatch, recording_url, "--json", "SELECT 'ü' AS a")
    answer = json.loads(out)
    assert (answer["columns"], answer["rows"], answer["truncated"]) == (["a"], [["ü"]], False)


def test_the_command_reads_standard_input(monkeypatch: pytest.MonkeyPatch, recording_url: str) -> None:
    assert run(monkeypatch, recording_url, "-", stdin="SELECT 1 AS one\n")[0] == "one\n1\n"


def test_the_command_passes_a_refusal_on(monkeypatch: pytest.MonkeyPatch, recording_url: str) -> None:
    with pytest.raises(
        MillraceError, match="only SELECT, WITH, SHOW, DESCRIBE and EXPLAIN are answered here, not DROP"
    ):
        run(monkeypatch, recording_url, "DROP TABLE item_published_log")


def test_the_command_says_how_to_start_what_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unavailable, match="does not answer; start Millrace with `make up`"):
        run(monkeypatch, "http://127.0.0.1:9", "SELECT 1")


def test_the_command_without_a_question_says_what_to_write(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Misconfigured, match="millrace sql --examples"):
        run(monkeypatch, "")


def test_the_examples_need_no_running_system(monkeypatch: pytest.MonkeyPatch) -> None:
    out, _ = run(monkeypatch, "", "--examples")
    assert out.startswith("-- What was rejected, and why?\nSELECT\n    reason,")


def test_an_address_that_cannot_be_found_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_running(_: Settings) -> NoReturn:
        raise Unavailable("Millrace is not running")

    monkeypatch.setattr(command_line, "load_settings", RecordedSettings)
    app = typer.Typer()
    app.command()(command_line.sql_command(not_running))
    assert isinstance(CliRunner().invoke(app, ["SELECT 1"]).exception, Unavailable)


def test_a_terminal_gets_a_table(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    answer = {"columns": ["item"], "rows": [["[bold]a"], [None]], "elapsed_s": 0.5, "truncated": False}
    command_line.show(answer, as_json=False)
    out = capsys.readouterr().out
    assert "[bold]a" in out
    assert "2 rows in 0.50 s" in out
