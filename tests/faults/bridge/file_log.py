"""A log in files, for workers that are killed hundreds of times: appends survive SIGKILL, commits are atomic.

One partition a topic. A record is one line, written by one call, so that it is there whole or not at all.
"""

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from streams.codec import Encoded
from streams.port import OnRevoked, Start
from streams.record import Record, TopicPartition

NAP_S = 0.02


def append(folder: Path, topic: str, records: Sequence[Encoded]) -> None:
    lines = "".join(json.dumps(_written(record)) + "\n" for record in records)
    file = os.open(folder / f"{topic}.jsonl", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    try:
        os.write(file, lines.encode())
    finally:
        os.close(file)


def read(folder: Path, topic: str, start: int = 0) -> list[Record]:
    file = folder / f"{topic}.jsonl"
    lines = file.read_bytes().split(b"\n")[:-1] if file.exists() else []
    return [_record(topic, start + at, line) for at, line in enumerate(lines[start:])]


class FileProducer:
    """Holds records back until `flush`, as a real client may."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: dict[str, list[Encoded]] = {}

    def send(self, topic: str, encoded: Encoded, on_acknowledged: Callable[[], None] | None = None) -> None:
        self._waiting.setdefault(topic, []).append(encoded)

    def flush(self, timeout_s: float) -> None:
        waiting, self._waiting = self._waiting, {}
        for topic, records in waiting.items():
            append(self._folder, topic, records)

    def close(self) -> None: ...


class FileConsumer:
    """The only member of its group."""

    def __init__(self, folder: Path, topics: Sequence[str]) -> None:
        self.on_revoked: OnRevoked = lambda places, lost: None
        self._folder = folder
        self._topics = topics
        self._paused = False
        self._offsets = folder / "offsets.json"
        committed = json.loads(self._offsets.read_text()) if self._offsets.exists() else {}
        self._committed: dict[str, int] = {topic: committed.get(topic, 0) for topic in topics}
        self._positions = dict(self._committed)

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        deadline = time.monotonic() + timeout_s
        while True:
            found: list[Record] = []
            for topic in () if self._paused else self._topics:
                records = read(self._folder, topic, self._positions[topic])[: max_records - len(found)]
                self._positions[topic] += len(records)
                found += records
            if found or time.monotonic() > deadline:
                return found
            time.sleep(NAP_S)

    def commit(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        self._committed.update({place.topic: offset for place, offset in next_offsets.items()})
        fresh = self._offsets.with_suffix(".new")
        fresh.write_text(json.dumps(self._committed))
        fresh.replace(self._offsets)

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset(TopicPartition(topic, 0) for topic in self._topics)

    def whole(self) -> bool:
        return True

    def pause(self) -> None:
        self._paused = True

    def resume(self) -> None:
        self._paused = False

    def seek(self, start: Start) -> None:
        self._positions = dict.fromkeys(self._topics, 0)

    def lag(self) -> int:
        return 0

    def close(self) -> None: ...


def _written(record: Encoded) -> list[object]:
    headers = [[name, value.decode("latin-1")] for name, value in record.headers]
    return [(record.key or b"").decode("latin-1"), (record.value or b"").decode("latin-1"), headers]


def _record(topic: str, offset: int, line: bytes) -> Record:
    key, value, headers = json.loads(line)
    pairs = tuple((name, text.encode("latin-1")) for name, text in headers)
    return Record(topic, 0, offset, key.encode("latin-1"), value.encode("latin-1"), pairs, 0)
