from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import OperationalError

from models.metadata.config import MetadataConfig
from models.metadata.engine import DEAD_PEER, open_engine
from streams.errors import Misconfigured, Unavailable


def at(path: Path, **others: float) -> MetadataConfig:
    return MetadataConfig(url=f"sqlite:///{path}", **others)  # type: ignore[arg-type]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_engine(at(tmp_path / "new folder" / "m.sqlite"))
    yield engine
    engine.dispose()


def test_an_empty_url_is_the_file_in_the_data_folder(tmp_path: Path) -> None:
    assert MetadataConfig().resolved(tmp_path).url == f"sqlite:///{tmp_path / 'metadata.sqlite'}"


def test_a_chosen_url_stays(tmp_path: Path) -> None:
    config = MetadataConfig(url="postgresql://somebody@host/name")
    assert config.resolved(tmp_path) is config


@pytest.mark.parametrize("url", ["postgresql://somebody:secret@host/name", "no url at all"])
def test_a_url_with_a_password_or_without_a_form_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        MetadataConfig(url=url)
    assert "secret" not in str(refusal.value)


class Asked(Exception):
    """Instead of a connection."""


def asked_for(url: str) -> dict[str, object]:
    """What the driver is given to connect with."""
    engine, found = open_engine(MetadataConfig(url=url)), dict[str, object]()

    def connect(_: object, __: object, ___: object, parameters: dict[str, object]) -> None:
        found.update(parameters)
        raise Asked

    event.listen(engine, "do_connect", connect)
    with pytest.raises(Asked):
        engine.connect()
    return found


def test_a_server_that_is_gone_without_a_word_is_noticed_within_half_a_minute() -> None:
    found = asked_for("postgresql://somebody@host/name")
    assert found.keys() >= DEAD_PEER.keys()
    idle, interval, count = (DEAD_PEER[f"keepalives_{name}"] for name in ("idle", "interval", "count"))
    assert found["keepalives"] == 1
    assert idle + interval * count <= 30
    assert 0 < DEAD_PEER["tcp_user_timeout"] <= 30_000


def test_what_the_url_says_of_keepalives_has_precedence() -> None:
    found = asked_for("postgresql://somebody@host/name?keepalives_idle=90")
    assert (found["keepalives_idle"], found["keepalives_count"]) == ("90", DEAD_PEER["keepalives_count"])


def test_another_database_is_refused_by_name() -> None:
    with pytest.raises(Misconfigured, match="mysql"):
        open_engine(MetadataConfig(url="mysql://host/name"))


def test_an_unresolved_url_is_refused() -> None:
    with pytest.raises(Misconfigured):
        open_engine(MetadataConfig())


@pytest.mark.parametrize(("pragma", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)])
def test_sqlite_is_durable_and_strict(engine: Engine, pragma: str, value: object) -> None:
    with engine.connect() as connection:
        assert connection.execute(text(f"PRAGMA {pragma}")).scalar() == value


def test_a_reader_sees_the_past_while_a_writer_writes(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE t (n INTEGER)"))
    with engine.begin() as writer, engine.execution_options(reading=True).connect() as reader:
        writer.execute(text("INSERT INTO t VALUES (1)"))
        assert reader.execute(text("SELECT count(*) FROM t")).scalar() == 0


def test_a_second_writer_that_waits_too_long_is_told_that_the_database_is_unavailable(tmp_path: Path) -> None:
    engine = open_engine(at(tmp_path / "m.sqlite", busy_timeout_s=0.05))
    with engine.begin(), pytest.raises(Unavailable, match="locked"), engine.begin():
        pass
    engine.dispose()


def test_a_failed_transaction_leaves_nothing_behind(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE t (n INTEGER)"))

    def fails_half_way() -> None:
        with engine.begin() as connection:
            connection.execute(text("INSERT INTO t VALUES (1)"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails_half_way()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM t")).scalar() == 0


def test_a_folder_that_cannot_hold_a_database_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "m.sqlite").mkdir()
    engine = open_engine(at(tmp_path / "m.sqlite"))
    with pytest.raises(Unavailable, match="metadata database"), engine.connect():
        pass


def test_a_wrong_statement_is_a_bug_and_not_an_outage(engine: Engine) -> None:
    with pytest.raises(OperationalError, match="no such table"), engine.connect() as connection:
        connection.execute(text("SELECT * FROM nowhere"))
