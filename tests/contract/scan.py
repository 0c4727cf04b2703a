"""What reading a log from place to place must do, in memory and on a broker."""

import pytest

from streams.errors import Unavailable
from streams.port import Producer
from streams.scan import Scan
from tests.contract.broker import record


class ScanContract:
    """Subclasses say how to build the parts. Topics have two partitions; `send` chooses by key."""

    def topic(self) -> str:
        raise NotImplementedError

    def producer(self) -> Producer:
        raise NotImplementedError

    def scan(self) -> Scan:
        raise NotImplementedError

    def filled(self, count: int) -> str:
        topic, producer = self.topic(), self.producer()
        for number in range(count):
            producer.send(topic, record(f"key-{number}"))
        producer.flush(10.0)
        return topic

    def test_a_topic_without_records_ends_where_it_begins(self) -> None:
        assert self.scan().ends(self.topic()) == {0: 0, 1: 0}

    def test_all_records_are_read_once_and_in_order(self) -> None:
        topic, scan = self.filled(50), self.scan()
        ends = scan.ends(topic)
        assert sum(ends.values()) == 50
        for partition, end in ends.items():
            assert [one.offset for one in scan.read(topic, partition, 0, end)] == list(range(end))

    def test_reading_begins_and_ends_where_it_is_told(self) -> None:
        topic, scan = self.filled(40), self.scan()
        partition, end = max(scan.ends(topic).items(), key=lambda one: one[1])
        assert [one.offset for one in scan.read(topic, partition, 2, end - 3)] == list(range(2, end - 3))

    def test_nothing_to_read_is_read_at_once(self) -> None:
        assert list(self.scan().read(self.filled(1), 0, 5, 5)) == []

    def test_reading_that_is_given_up_can_begin_again(self) -> None:
        topic, scan = self.filled(30), self.scan()
        partition, end = max(scan.ends(topic).items(), key=lambda one: one[1])
        reading = iter(scan.read(topic, partition, 0, end))
        first = next(reading)
        del reading
        assert next(iter(scan.read(topic, partition, 0, end))).offset == first.offset == 0

    def test_a_topic_that_does_not_exist_is_told(self) -> None:
        with pytest.raises(Unavailable, match="missing"):
            self.scan().ends("no-such-topic")
