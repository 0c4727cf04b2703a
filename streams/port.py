"""What the runner asks of a log. Adapters: `kafka/` (real) and `memory.py`; both pass tests/contract/broker.py."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from streams.codec import Encoded
from streams.record import Record, TopicPartition

OnRevoked = Callable[[Iterable[TopicPartition], bool], None]
"""Called inside `poll` with partitions that go away; True means they are lost already and must not be committed."""


@dataclass(frozen=True, slots=True)
class Start:
    """Where a replay begins: a time, or the earliest record there is."""

    since: datetime | None = None


def parse_start(words: str) -> Start:
    """`beginning`, or a date and time in ISO 8601 (local unless it names its zone). Raises ValueError."""
    if words == "beginning":
        return Start()
    moment = datetime.fromisoformat(words)
    return Start(moment if moment.tzinfo else moment.astimezone())


class Producer(Protocol):
    """Writes records; a record counts only once `flush` has returned or its acknowledgement was called."""

    def send(self, topic: str, encoded: Encoded, on_acknowledged: Callable[[], None] | None = None) -> None:
        """Queues one record. Raises Unavailable if the queue stays full, BadRecord if it is larger than allowed."""

    def flush(self, timeout_s: float) -> None:
        """Waits for all records sent since the last flush. Raises Unavailable if any was not acknowledged."""

    def close(self) -> None: ...


class Consumer(Protocol):
    """Reads the records of a group. Nothing is ever committed except by `commit`."""

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        """Up to `max_records` as soon as one is there, else nothing after `timeout_s`. Raises Unavailable."""

    def commit(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        """Synchronously. Raises Unavailable; offsets of partitions that are no longer ours are ignored."""

    def assignment(self) -> frozenset[TopicPartition]: ...

    def whole(self) -> bool:
        """Whether all partitions of its topics are this member's. Raises Unavailable."""

    def pause(self) -> None:
        """Stops fetching; `poll` must still be called and keeps the membership alive."""

    def resume(self) -> None: ...

    def seek(self, start: Start) -> None:
        """Moves all partitions of this member back to `start`, none of them ahead. Raises Unavailable."""

    def lag(self) -> int:
        """Records behind the end of the assigned partitions, as far as known."""

    def close(self) -> None: ...
