"""A log in memory, held to the same contract as Kafka: for tests, and for trying a stage at a prompt.

One process, no durability. Partitions are dealt round-robin to the consumers of a group, and every join or leave deals
them anew, so that revocation happens as it does with a broker.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from zlib import crc32

from streams.codec import Encoded
from streams.errors import Unavailable
from streams.port import OnRevoked, Start
from streams.record import Record, TopicPartition


class MemoryBroker:
    """Topics, partitions and committed offsets. `down` makes every call raise Unavailable."""

    def __init__(self, topics: Mapping[str, int]) -> None:
        self.logs: dict[TopicPartition, list[Record]] = {
            TopicPartition(topic, partition): [] for topic, count in topics.items() for partition in range(count)
        }
        self.committed: dict[str, dict[TopicPartition, int]] = defaultdict(dict)
        self.down: str | None = None
        self._partitions = dict(topics)
        self._groups: dict[str, list[MemoryConsumer]] = defaultdict(list)

    def records(self, topic: str) -> list[Record]:
        """All records of a topic, partition by partition."""
        self.check()
        return [record for place, log in self.logs.items() if place.topic == topic for record in log]

    def check(self) -> None:
        if self.down:
            raise Unavailable(self.down)

    def append(self, topic: str, encoded: Encoded) -> None:
        self.check()
        partition = crc32(encoded.key or b"") % self._partitions[topic]
        log = self.logs[TopicPartition(topic, partition)]
        log.append(Record(topic, partition, len(log), encoded.key, encoded.value, encoded.headers, 0))

    def join(self, group: str, member: "MemoryConsumer") -> None:
        self._groups[group].append(member)
        self._deal(group)

    def leave(self, group: str, member: "MemoryConsumer") -> None:
        if member in self._groups[group]:
            self._groups[group].remove(member)
            self._deal(group)

    def _deal(self, group: str) -> None:
        members = self._groups[group]
        for rank, member in enumerate(members):
            places = [place for place in self.logs if place.topic in member.topics]
            member.assign(frozenset(places[rank :: len(members)]))


class MemoryProducer:
    """Holds records back until `flush`, as a real client may."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker
        self._waiting: list[tuple[str, Encoded, Callable[[], None] | None]] = []

    def send(self, topic: str, encoded: Encoded, on_acknowledged: Callable[[], None] | None = None) -> None:
        self._waiting.append((topic, encoded, on_acknowledged))

    def flush(self, timeout_s: float) -> None:
        waiting, self._waiting = self._waiting, []
        for topic, encoded, on_acknowledged in waiting:
            self._broker.append(topic, encoded)
            if on_acknowledged:
                on_acknowledged()

    def close(self) -> None:
        self.flush(0.0)


class MemoryConsumer:
    """One member of a group."""

    def __init__(self, broker: MemoryBroker, group: str, topics: Sequence[str]) -> None:
        self.topics = tuple(topics)
        self.on_revoked: OnRevoked = lambda places, lost: None
        self._broker = broker
        self._group = group
        self._positions: dict[TopicPartition, int] = {}
        self._revoked: frozenset[TopicPartition] = frozenset()
        self._paused = False
        broker.join(group, self)

    def assign(self, places: frozenset[TopicPartition]) -> None:
        """Called by the broker; what goes away is told at the next poll, as clients do."""
        self._revoked |= self._positions.keys() - places
        committed = self._broker.committed[self._group]
        kept = {place: position for place, position in self._positions.items() if place in places}
        self._positions = {place: kept.get(place, committed.get(place, 0)) for place in places}

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        if self._revoked:
            revoked, self._revoked = self._revoked, frozenset()
            self.on_revoked(revoked, False)
        self._broker.check()
        found: list[Record] = []
        for place in () if self._paused else sorted(self._positions, key=str):
            position = self._positions[place]
            taken = self._broker.logs[place][position : position + max_records - len(found)]
            self._positions[place] = position + len(taken)
            found += taken
        return found

    def commit(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        self._broker.check()
        ours = self._positions.keys() | self._revoked
        self._broker.committed[self._group].update({p: o for p, o in next_offsets.items() if p in ours})

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset(self._positions)

    def whole(self) -> bool:
        return all(place in self._positions for place in self._broker.logs if place.topic in self.topics)

    def pause(self) -> None:
        self._paused = True

    def resume(self) -> None:
        self._paused = False

    def seek(self, start: Start) -> None:
        since_ms = start.since.timestamp() * 1000 if start.since else 0
        self._broker.check()
        for place, position in self._positions.items():
            log = self._broker.logs[place]
            later = (record.offset for record in log if record.timestamp_ms >= since_ms)
            self._positions[place] = min(next(later, len(log)), position)

    def lag(self) -> int:
        return sum(len(self._broker.logs[place]) - position for place, position in self._positions.items())

    def close(self) -> None:
        self._broker.leave(self._group, self)
        self._positions = {}
