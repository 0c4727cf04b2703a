"""Record to ClickHouse: the recording stage over encoded records, against bare inserts of the same rows.

One block of 10,000 rows on both sides, into the same table, on disk when the insert returns. The bare side gets the
columns ready as Python values; ours decodes the records and reads the columns out of the events.
"""

from importlib.metadata import version

from clickhouse_connect.datatypes.registry import get_from_name

from consumers.recording.clickhouse import ClickHouseTables, Engine
from consumers.recording.config import RecordingConfig
from consumers.recording.stage import LIMITS, recording_stage
from consumers.recording.tables import Table, tables
from schemas.items import ItemPublished
from streams.codec import decode, encode
from streams.record import Record
from streams.stage import Incoming
from tests.benchmarks.ground import Ground, cpu_s
from tests.benchmarks.harness import AtLeast, Measured, Side, compare
from tests.benchmarks.items import published
from tests.benchmarks.report import Row


def recording(ground: Ground) -> list[Row]:
    encoded = [encode(item, "bench") for item in published(ground.count(LIMITS.max_records))]
    records = [Record("raw", 0, at, one.key, one.value, one.headers) for at, one in enumerate(encoded)]
    engine = Engine.open(RecordingConfig(), ground.folder / "clickhouse")
    try:
        compared = compare(_ours(engine, records), _bare(engine, records), AtLeast(0.5), ground.pairs)
    finally:
        engine.close()
    peer = f"bare insert, chdb {version('chdb')}, clickhouse-connect {version('clickhouse-connect')}"
    return [Row("record to ClickHouse", peer, "µs of CPU a row", compared)]


def _incoming(record: Record) -> Incoming:
    return Incoming(decode(record, (ItemPublished,)), record.first_place)


def _ours(engine: Engine, records: list[Record]) -> Side:
    stage = recording_stage(ClickHouseTables(engine.writer))

    def run() -> Measured:
        _emptied(engine)
        started = cpu_s()
        stage.outcomes([_incoming(record) for record in records])
        return Measured((cpu_s() - started) / len(records) * 1e6, _proof(engine))

    return run


def _bare(engine: Engine, records: list[Record]) -> Side:
    table = _table()
    rows = [_incoming(record) for record in records]
    columns = [[column.read(row) for row in rows] for column in table.columns]
    names = [column.name for column in table.columns]
    types = [get_from_name(column.type) for column in table.columns]

    def run() -> Measured:
        _emptied(engine)
        started = cpu_s()
        engine.writer.insert(table.name, columns, column_names=names, column_types=types, column_oriented=True)
        return Measured((cpu_s() - started) / len(records) * 1e6, _proof(engine))

    return run


def _table() -> Table:
    return tables()[ItemPublished]


def _emptied(engine: Engine) -> None:
    engine.writer.command(f"TRUNCATE TABLE {_table().name}")


def _proof(engine: Engine) -> tuple[object, ...]:
    """Rows, and a digest of all that they say."""
    found = engine.writer.query(f"SELECT count(), sum(cityHash64(* EXCEPT attributes)) FROM {_table().name}")
    return tuple(found.result_rows[0])
