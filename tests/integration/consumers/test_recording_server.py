"""Recording into a server by URL: the same code and the same engine, but across HTTP and with a user.

No ClickHouse server comes in a wheel, so a process of its own speaks the part of ClickHouse's HTTP interface that the
client uses, and puts what it hears to chDB: statement in `query` or the body, settings and parameters in the address,
Basic authentication, errors as status 500 with their code in a header.
"""

import base64
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import lz4.frame
import pytest

from consumers.recording.clickhouse import ClickHouseTables, Engine
from consumers.recording.config import RecordingConfig
from consumers.recording.queries import QueryRefused, run_query
from consumers.recording.stage import recording_stage
from infra.cli.sql import ask_server
from schemas.items import ItemPublished
from schemas.training import TrainingRequested
from streams.errors import BadRecord, Misconfigured
from streams.record import Origin
from streams.stage import Incoming

TRANSPORT = {"wait_end_of_query", "send_progress_in_http_headers", "http_headers_progress_interval_ms", "query_id"}
TRANSPORT |= {"client_protocol_version", "enable_http_compression", "database", "query"}
ACCOUNT = "Basic " + base64.b64encode(b"millrace:secret").decode()


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RecordingConfig]:
    """A server's address and an account on it."""
    folder = tmp_path_factory.mktemp("server")
    with subprocess.Popen([sys.executable, __file__, str(folder)], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        yield RecordingConfig.model_validate(
            {"url": f"http://127.0.0.1:{port}", "user": "millrace", "password": "secret", "query_seconds": 2}
        )
        server.terminate()


@pytest.fixture
def engine(config: RecordingConfig) -> Iterator[Engine]:
    engine = Engine.open(config, Path("no folder is needed"))
    yield engine
    engine.close()


def test_facts_delivered_twice_are_read_once(engine: Engine, config: RecordingConfig) -> None:
    stage = recording_stage(ClickHouseTables(engine.writer))
    batch = [Incoming(ItemPublished(item_id=f"i{n}", text="ü"), Origin("t", 0, n)) for n in range(10)]
    stage.outcomes(batch)
    assert recording_stage(ClickHouseTables(engine.writer)).outcomes(batch[4:]) == [()] * 6
    answer = ask_server("SELECT count(), any(text) FROM item_published", limit=10, config=config)
    assert answer["rows"] == [[10, "ü"]]


def test_a_fact_that_no_column_can_hold_is_a_dead_letter(engine: Engine) -> None:
    facts = [TrainingRequested(job_id="j", cause="manual").model_copy(update={"priority": p}) for p in (1, 2**70)]
    outcomes = recording_stage(ClickHouseTables(engine.writer)).outcomes(
        [Incoming(f, Origin("t", 0, 0)) for f in facts]
    )
    assert [isinstance(outcome, BadRecord) for outcome in outcomes] == [False, True]


@pytest.mark.parametrize(
    "sql", ["DROP TABLE item_published_log", "SELECT file('/etc/passwd')", "SELECT 1 INTO OUTFILE '/x'"]
)
def test_a_server_is_asked_nothing_but_questions(engine: Engine, sql: str) -> None:
    with pytest.raises(QueryRefused):
        run_query(engine.reader, sql, limit=1)


def test_the_reading_client_cannot_write_to_a_server(engine: Engine) -> None:
    with pytest.raises(Exception, match="READONLY"):
        engine.reader.command("CREATE TABLE x (a Int64) ENGINE = Memory")


def test_the_limits_of_a_question_reach_the_server(engine: Engine) -> None:
    with pytest.raises(QueryRefused, match="the question costs too much: Timeout exceeded"):
        run_query(engine.reader, "SELECT sum(number) FROM system.numbers", limit=1)


def test_a_long_answer_from_a_server_is_cut(engine: Engine) -> None:
    result = run_query(engine.reader, "SELECT number FROM numbers(1000000)", limit=3)
    assert (result.rows, result.truncated) == ([(0,), (1,), (2,)], True)


def test_a_wrong_password_is_a_wrong_setting(config: RecordingConfig) -> None:
    wrong = RecordingConfig.model_validate({"url": config.url, "user": "millrace", "password": "guess"})
    with pytest.raises(Misconfigured, match="ClickHouse refuses the user of the settings"):
        Engine.open(wrong, Path("no folder is needed"))


def serve(folder: str) -> None:
    """The stand-in for a server's HTTP interface. Prints its port."""
    import chdb

    anchor = chdb.connect(folder)  # keeps the engine open between requests

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            address = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
            body = sent(self)
            if self.headers.get("Authorization") != ACCOUNT:
                return self.answer(
                    403, b"Code: 516. DB::Exception: Authentication failed. (AUTHENTICATION_FAILED)", 516
                )
            try:
                self.answer(200, ask(folder, address, body))
            except RuntimeError as error:
                code = re.search(r"Code: (\d+)", str(error))
                self.answer(500, str(error).encode(), int(code[1]) if code else 0)

        do_GET = do_POST

        def answer(self, status: int, body: bytes, code: int | None = None) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("X-ClickHouse-Timezone", "UTC")
            if code is not None:
                self.send_header("X-ClickHouse-Exception-Code", str(code))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Door)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()
    anchor.close()


def sent(request: BaseHTTPRequestHandler) -> bytes:
    """The body of a request, which may come in chunks and compressed."""
    body, length = b"", request.headers.get("content-length")
    if length is not None:
        body = request.rfile.read(int(length))
    while length is None and (size := int(request.rfile.readline(), 16)):
        body += request.rfile.read(size)
        request.rfile.readline()
    return lz4.frame.decompress(body) if request.headers.get("content-encoding") == "lz4" else body


def ask(folder: str, address: dict[str, str], body: bytes) -> bytes:
    """The engine's answer, in a session of its own with the settings of the request; `readonly` last, as it locks."""
    import chdb

    session = chdb.connect(folder)
    try:
        if address.get("database"):
            session.query(f"USE {address['database']}")
        settings = {k: v for k, v in address.items() if k not in TRANSPORT and not k.startswith("param_")}
        for name in sorted(settings, key=lambda name: name == "readonly"):
            session.query(f"SET {name} = '{settings[name]}'")
        params = {k.removeprefix("param_"): v for k, v in address.items() if k.startswith("param_")}
        head, _, data = body.partition(b"\n") if body.startswith(b"INSERT") else (body, b"", b"")
        statement = address.get("query") or head.decode()
        if data:
            return insert(session, statement, data)
        return bytes(session.query(statement, "TabSeparated", params=params).bytes() or b"")
    finally:
        session.close()


def insert(session: object, statement: str, data: bytes) -> bytes:
    """chDB takes the data of an insert from a file."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        into = statement.replace(" FORMAT Native", f" FROM INFILE '{file.name}' FORMAT Native")
        session.query(into)  # type: ignore[attr-defined]
    return b""


if __name__ == "__main__":
    serve(sys.argv[1])
