"""Record to indexed: the indexing stage over encoded records, against the bare engine.

The bare side hands the very same points (ids, vectors, words and payloads, made beforehand as Python values) to plain
upserts of the same size, into a shard with the same payload indexes. Ours decodes, reads the versions in effect,
guards, computes the word weights and makes the payloads. `apply` alone, in the notes, begins with decoded entries.
"""

from importlib.metadata import version
from typing import Any
from uuid import uuid4

import qdrant_edge as engine

from consumers.indexing.entries import entry_of
from consumers.indexing.stage import indexing_stage
from models.vector_index.edge import EdgeVectorIndex
from models.vector_index.edge.points import points_of
from models.vector_index.plan import decide, guarded
from schemas.items import ItemEmbedded
from streams.codec import decode, encode, key_of
from streams.record import Record
from streams.stage import Incoming
from tests.benchmarks.ground import Ground, cpu_s
from tests.benchmarks.harness import AtLeast, Measured, Side, compare
from tests.benchmarks.items import DIM, MODEL, embedded
from tests.benchmarks.report import Row

ITEMS = 3_000
BATCH = 500
"""The stage's limit."""


def indexing(ground: Ground) -> list[Row]:
    count = ground.count(ITEMS)
    facts = list(embedded(count))
    records = [_record(at, fact) for at, fact in enumerate(facts)]
    compared = compare(_ours(ground, records), _bare(ground, facts), AtLeast(0.9), ground.pairs)
    alone = _apply(ground, facts)
    alone()
    peer = f"bare upsert, qdrant-edge {version('qdrant-edge-py')}"
    return [Row("record to indexed", peer, "µs of CPU an item", compared, {"apply alone, µs": alone().cost})]


def _record(at: int, fact: ItemEmbedded) -> Record:
    encoded = encode(fact, "bench")
    return Record("embedded", 0, at, key_of(fact), encoded.value, encoded.headers)


def _batches(things: list[Any]) -> list[list[Any]]:
    return [things[at : at + BATCH] for at in range(0, len(things), BATCH)]


def _fresh(ground: Ground) -> EdgeVectorIndex:
    index = EdgeVectorIndex.open(ground.folder / uuid4().hex)
    index.ensure_space(MODEL, DIM)
    return index


def _ours(ground: Ground, records: list[Record]) -> Side:
    def run() -> Measured:
        index = _fresh(ground)
        stage = indexing_stage(index)
        started = cpu_s()
        for batch in _batches(records):
            stage.outcomes([Incoming(decode(one, (ItemEmbedded,)), one.origin) for one in batch])
        cost = (cpu_s() - started) / len(records) * 1e6
        return Measured(cost, _closed(index))

    return run


def _apply(ground: Ground, facts: list[ItemEmbedded]) -> Side:
    entries = [entry_of(fact) for fact in facts]

    def run() -> Measured:
        index = _fresh(ground)
        started = cpu_s()
        for batch in _batches(entries):
            index.apply(batch)
        return Measured((cpu_s() - started) / len(entries) * 1e6, _closed(index))

    return run


def _bare(ground: Ground, facts: list[ItemEmbedded]) -> Side:
    """Upserts without a condition, nothing read before; cut as ours are, so that searches would wait as briefly."""
    operations = [
        [_raw(point) for write in writes for point in points_of(write)]
        for batch in _batches([entry_of(fact) for fact in facts])
        for _, writes in guarded(decide(batch, {})[1], 64)
    ]

    def run() -> Measured:
        index = _fresh(ground)
        shard: engine.EdgeShard = index._shard
        started = cpu_s()
        for operation in operations:
            points = [engine.Point(*raw) for raw in operation]
            shard.update(engine.UpdateOperation.upsert_points(points))
        return Measured((cpu_s() - started) / len(facts) * 1e6, _closed(index))

    return run


def _raw(point: engine.Point) -> tuple[Any, Any, Any]:
    return point.id, point.vector, point.payload


def _closed(index: EdgeVectorIndex) -> tuple[int, int]:
    """What proves the work: items, and the version of the last one."""
    head = index.head("default", f"item-{index.count() - 1:06}")
    proof = index.count(), head.version if head else -1
    index.close()
    return proof
