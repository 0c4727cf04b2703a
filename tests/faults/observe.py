"""Looks from outside: at topics by a plain consumer, at the index by the engine itself, at ClickHouse by its views."""

import json
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import confluent_kafka
import qdrant_edge as engine

from tests.faults.ledger import Expected, Ledger, Version, Written
from tests.faults.verdict import Observed, Point

OPERATION = "ledger-operation"
UNREADABLE = "ledger-unreadable"
"""Headers that the plan's records carry for the ledger; nobody else looks at them."""
END = confluent_kafka.KafkaError._PARTITION_EOF
READ_TIMEOUT_S = 60.0
STAGES = ("curation", "embedding", "indexing", "recording")

Message = Any


def reader(bootstrap: str, *topics: str) -> tuple[confluent_kafka.Consumer, int]:
    """A consumer of no group at the beginning of all partitions of some topics, and how many partitions these are."""
    settings = {"bootstrap.servers": bootstrap, "group.id": f"faults-{uuid4()}", "enable.auto.commit": False}
    client = confluent_kafka.Consumer(
        settings | {"enable.partition.eof": True, "fetch.wait.max.ms": 20, "log_level": 0}
    )
    deadline = time.monotonic() + READ_TIMEOUT_S
    while True:
        assert time.monotonic() < deadline, f"{bootstrap} does not tell of {topics}"
        with suppress(confluent_kafka.KafkaException, KeyError):  # the broker may be on its way up
            known = client.list_topics(timeout=5).topics
            places = [(topic, number) for topic in topics for number in known[topic].partitions]
            if places:
                break
        time.sleep(0.2)
    beginning = confluent_kafka.OFFSET_BEGINNING
    client.assign([confluent_kafka.TopicPartition(topic, number, beginning) for topic, number in places])
    return client, len(places)


def batch_of(client: confluent_kafka.Consumer) -> list[Message]:
    return list(client.consume(500, 0.05))


def topic_records(bootstrap: str, *topics: str) -> Iterator[Message]:
    """All records of some topics, from their beginning to the end that they have now."""
    client, partitions = reader(bootstrap, *topics)
    deadline = time.monotonic() + READ_TIMEOUT_S
    ended: set[tuple[str, int]] = set()
    try:
        while len(ended) < partitions:
            assert time.monotonic() < deadline, f"{topics} could not be read in time"
            for message in batch_of(client):
                if message.error() is None:
                    yield message
                elif message.error().code() == END:
                    ended.add((message.topic(), message.partition()))
    finally:
        client.close()


def headers_of(message: Message) -> dict[str, str]:
    return {name: (value or b"").decode("utf-8", "replace") for name, value in message.headers() or ()}


def raw_log(bootstrap: str, prefix: str) -> list[Written]:
    """items.raw as it lies there, by the number that each record carries in a header."""
    return [
        Written(message.partition(), message.offset(), int(headers_of(message)[OPERATION]))
        for message in topic_records(bootstrap, f"{prefix}.items.raw.v1")
    ]


def observed(bootstrap: str, prefix: str, data_dir: Path, sample: Mapping[str, str], recording: bool) -> Observed:
    """Call when all groups have read everything and the workers have ended."""
    said: dict[str, set[str]] = defaultdict(set)
    curation = _said(bootstrap, said, f"{prefix}.items.curated.v1", f"{prefix}.items.rejected.v1")
    embedding = _said(bootstrap, said, f"{prefix}.items.embedded.v1")
    indexing = _said(bootstrap, said, f"{prefix}.items.indexed.v1")
    points, count, found = _index(_live_space(data_dir), sample)
    stages = [stage for stage in STAGES if recording or stage != "recording"]
    if recording:
        _add_raw(bootstrap, prefix, said)
    return Observed(
        curation=curation,
        embedding=embedding,
        indexing=indexing,
        points=points,
        count=count,
        found=found,
        dead=_letters(bootstrap, {f"{prefix}.{stage}.dlq": stage for stage in stages}),
        parked=_letters(bootstrap, {f"{prefix}.{stage}.parked": stage for stage in stages}),
        said={kind: frozenset(ids) for kind, ids in said.items()},
        recorded=_recorded(data_dir / "clickhouse", said) if recording else None,
    )


def sample_of(ledger: Ledger, expected: Expected, size: int) -> dict[str, str]:
    """Words to search for: of some items that live, and of some that are gone, by what they said last."""
    words = {item: text for item, (_, text) in sorted(expected.live.items())[:size]}
    last = {one.item: one.text for one in ledger.operations.values() if one.text and one.item in expected.gone}
    return words | dict(sorted(last.items())[:size])


TYPES = {
    "millrace.ItemCurated.v1": "curated",
    "millrace.ItemRejected.v1": "rejected",
    "millrace.ItemWithdrawn.v1": "withdrawn",
    "millrace.ItemEmbedded.v1": "embedded",
    "millrace.ItemIndexed.v1": "indexed",
}


def _said(bootstrap: str, said: dict[str, set[str]], *topics: str) -> dict[Version, dict[str, frozenset[str]]]:
    found: dict[Version, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for message in topic_records(bootstrap, *topics):
        headers, body = headers_of(message), json.loads(message.value())
        said[headers["ce_type"]].add(headers["ce_id"])
        found[body["item_id"], body["version"]][_kind(TYPES[headers["ce_type"]], body)].add(headers["ce_id"])
    return {version: {kind: frozenset(ids) for kind, ids in by.items()} for version, by in found.items()}


def _kind(name: str, body: Mapping[str, Any]) -> str:
    if body.get("mode") == "replaced":
        return "replaced"
    return "unindexed" if name == "indexed" and not body["parts"] else name


def _letters(bootstrap: str, stages: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """Places of records that were set aside; the newest letter of a key counts, as the topics are compacted."""
    newest: dict[str, dict[str, bytes | None]] = {stage: {} for stage in stages.values()}
    for message in topic_records(bootstrap, *stages):
        newest[stages[message.topic()]][message.key().decode()] = message.value()
    return {
        stage: frozenset("/".join(key.split("/")[-2:]) for key, value in letters.items() if value is not None)
        for stage, letters in newest.items()
    }


def _live_space(data_dir: Path) -> Path:
    """The folder of the one model version that these tests index with."""
    from models.encoders.config import EncoderConfig
    from models.encoders.hashing import HashingEncoder
    from models.vector_index.points import space_of

    return data_dir / "index" / space_of(HashingEncoder(EncoderConfig()).version)


def _index(folder: Path, sample: Mapping[str, str]) -> tuple[tuple[Point, ...], int, dict[str, int | None]]:
    shard = engine.EdgeShard.load(str(folder))
    try:
        points = tuple(_points(shard))
    finally:
        shard.close()
    return points, *_searched(folder, sample)


def _points(shard: engine.EdgeShard) -> Iterator[Point]:
    offset = None
    while True:
        records, offset = shard.scroll(engine.ScrollRequest(offset, 1000, with_payload=True, with_vector=False))
        for record in records:
            lies: Mapping[str, Any] = record.payload or {}
            yield Point(lies["item"], lies["part"], lies["version"], bool(lies.get("reach")), lies.get("text", ""))
        if offset is None:
            return


def _searched(folder: Path, sample: Mapping[str, str]) -> tuple[int, dict[str, int | None]]:
    """As a client would, by meaning and by words, through the port."""
    from models.encoders.config import EncoderConfig
    from models.encoders.hashing import HashingEncoder
    from models.vector_index.edge import EdgeVectorIndex
    from models.vector_index.port import IndexQuery

    encoder = HashingEncoder(EncoderConfig())
    index = EdgeVectorIndex.open(folder)
    found: dict[str, int | None] = {}
    try:
        for item, text in sample.items():
            words = " ".join(text.split()[:12])
            query = IndexQuery("default", encoder.version, 10, encoder.encode_texts([words])[0], words)
            hits = {hit.item_id: hit.version for hit in index.search(query)}
            found[item] = hits.get(item)
        return index.count("default"), found
    finally:
        index.close()


def _add_raw(bootstrap: str, prefix: str, said: dict[str, set[str]]) -> None:
    """Ids of readable records of items.raw, which are recorded as well."""
    for message in topic_records(bootstrap, f"{prefix}.items.raw.v1"):
        headers = headers_of(message)
        if UNREADABLE not in headers:
            said[headers["ce_type"]].add(headers["ce_id"])


def _recorded(folder: Path, said: Iterable[str]) -> dict[str, tuple[str, ...]]:
    from consumers.recording.clickhouse import Engine
    from consumers.recording.config import RecordingConfig

    views = {"Published": "item_published", "Withdrawn": "item_withdrawn", "Curated": "item_curated"}
    views |= {"Rejected": "item_rejected", "Embedded": "item_embedded", "Indexed": "item_indexed"}
    clickhouse = Engine.open(RecordingConfig(), folder)
    try:
        return {
            kind: tuple(
                str(row[0])
                for row in clickhouse.reader.query(
                    f"SELECT event_id FROM {views[kind.split('.')[1].removeprefix('Item')]}"
                ).result_rows
            )
            for kind in said
        }
    finally:
        clickhouse.close()
