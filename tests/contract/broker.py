"""What every log must do. Subclasses only say how to build one."""

from uuid import uuid4

import pytest

from streams.codec import Encoded
from streams.port import Consumer, OnRevoked, Producer, Start
from streams.record import Record, TopicPartition


def record(key: str, value: str = "x") -> Encoded:
    return Encoded(key.encode(), value.encode(), (("h", b"1"), ("h", b"2")))


def drain(consumer: Consumer, expected: int, polls: int = 100) -> list[Record]:
    """Polls until `expected` records came; fewer if they do not come within a bounded number of polls."""
    found: list[Record] = []
    for _ in range(polls):
        found += consumer.poll(100, 0.2)
        if len(found) >= expected:
            break
    return found


class BrokerContract:
    """A topic with two partitions, and clients for it."""

    def topic(self) -> str:
        raise NotImplementedError

    def producer(self) -> Producer:
        raise NotImplementedError

    def consumer(self, topic: str, group: str, member: str = "a", on_revoked: OnRevoked | None = None) -> Consumer:
        raise NotImplementedError

    def written(self, *encoded: Encoded) -> str:
        topic, producer = self.topic(), self.producer()
        for one in encoded:
            producer.send(topic, one)
        producer.flush(30.0)
        producer.close()
        return topic

    def test_what_was_flushed_is_read_as_it_was_written(self) -> None:
        topic = self.written(record("k", "v"))
        [found] = drain(self.consumer(topic, uuid4().hex), 1)
        assert (found.topic, found.key, found.value) == (topic, b"k", b"v")
        assert found.headers == (("h", b"1"), ("h", b"2"))

    def test_nothing_to_read_is_not_an_error(self) -> None:
        assert self.consumer(self.topic(), uuid4().hex).poll(10, 0.1) == []

    def test_records_of_one_key_keep_their_order_and_partition(self) -> None:
        topic = self.written(*(record("same", str(number)) for number in range(20)))
        found = drain(self.consumer(topic, uuid4().hex), 20)
        assert [one.value for one in found] == [str(number).encode() for number in range(20)]
        assert len({one.partition for one in found}) == 1

    def test_a_null_value_and_no_key_survive(self) -> None:
        topic = self.written(Encoded(None, None, ()))
        [found] = drain(self.consumer(topic, uuid4().hex), 1)
        assert (found.key, found.value, found.headers) == (None, None, ())

    def test_uncommitted_records_come_again_to_the_next_member(self) -> None:
        topic, group = self.written(record("a"), record("b")), uuid4().hex
        first = self.consumer(topic, group)
        assert len(drain(first, 2)) == 2
        first.close()
        assert len(drain(self.consumer(topic, group), 2)) == 2

    def test_committed_records_do_not_come_again(self) -> None:
        topic, group = self.written(record("a", "1"), record("a", "2")), uuid4().hex
        first = self.consumer(topic, group)
        one, two = drain(first, 2)
        first.commit({one.topic_partition: two.offset})
        first.close()
        assert [again.value for again in drain(self.consumer(topic, group), 1)] == [b"2"]

    def test_offsets_of_partitions_that_are_not_ours_are_not_committed(self) -> None:
        topic, group = self.written(record("a")), uuid4().hex
        consumer = self.consumer(topic, group)
        [found] = drain(consumer, 1)
        consumer.commit({TopicPartition(topic + "-other", 0): 5})
        consumer.close()
        assert len(drain(self.consumer(topic, group), 1)) == 1
        assert found.offset == 0

    def test_a_paused_consumer_gets_nothing_and_goes_on_after_resume(self) -> None:
        topic = self.written(record("a"))
        consumer = self.consumer(topic, uuid4().hex)
        assert len(drain(consumer, 1)) == 1
        consumer.pause()
        more = self.producer()
        more.send(topic, record("a", "later"))
        more.flush(30.0)
        assert [consumer.poll(10, 0.1) for _ in range(5)] == [[]] * 5
        consumer.resume()
        assert [found.value for found in drain(consumer, 1)] == [b"later"]

    def test_seeking_to_the_beginning_reads_everything_again(self) -> None:
        topic = self.written(record("a"), record("b"), record("c"))
        consumer = self.consumer(topic, uuid4().hex)
        assert len(drain(consumer, 3)) == 3
        consumer.seek(Start())
        assert len(drain(consumer, 3)) == 3

    def test_lag_counts_what_is_left(self) -> None:
        topic = self.written(*(record("same") for _ in range(5)))
        consumer = self.consumer(topic, uuid4().hex)
        drain(consumer, 5)
        assert consumer.lag() == 0

    def test_acknowledgements_are_called_once_flushed(self) -> None:
        acknowledged: list[str] = []
        producer = self.producer()
        producer.send(self.topic(), record("a"), on_acknowledged=lambda: acknowledged.append("a"))
        producer.flush(30.0)
        assert acknowledged == ["a"]

    def test_a_second_member_takes_partitions_over_and_the_first_is_told(self) -> None:
        topic, group, taken = self.written(record("a")), uuid4().hex, list[TopicPartition]()
        first = self.consumer(topic, group, "a", lambda places, lost: taken.extend(places))
        drain(first, 1)
        second = self.consumer(topic, group, "b")
        for _ in range(200):
            first.poll(1, 0.1)
            second.poll(1, 0.1)
            if taken and len(first.assignment()) == len(second.assignment()) == 1:
                break
        assert len(taken) == 1
        assert first.assignment() | second.assignment() == {TopicPartition(topic, 0), TopicPartition(topic, 1)}
        assert not first.assignment() & second.assignment()

    def test_who_reads_alone_holds_all_partitions_and_knows_it(self) -> None:
        consumer = self.consumer(self.written(record("a")), uuid4().hex)
        drain(consumer, 1)
        assert consumer.whole()

    def test_who_shares_the_partitions_knows_it(self) -> None:
        topic, group = self.written(record("a")), uuid4().hex
        first, second = self.consumer(topic, group, "a"), self.consumer(topic, group, "b")
        for _ in range(200):
            first.poll(1, 0.1)
            second.poll(1, 0.1)
            if len(first.assignment()) == len(second.assignment()) == 1:
                break
        assert (first.whole(), second.whole()) == (False, False)

    @pytest.mark.parametrize("size", [0, 1, 100_000])
    def test_bodies_of_any_size_within_the_limit_survive(self, size: int) -> None:
        topic = self.written(Encoded(b"k", b"z" * size, ()))
        [found] = drain(self.consumer(topic, uuid4().hex), 1)
        assert found.value == b"z" * size
