import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from prometheus_client import REGISTRY

from models.serving.api.outbox import Outbox
from streams.codec import Encoded
from streams.errors import BadRecord, Unavailable
from streams.memory import MemoryBroker, MemoryProducer

TOPIC = "t"


def letter(text: str = "x") -> Encoded:
    return Encoded(None, text.encode(), ())


def dropped() -> float:
    return REGISTRY.get_sample_value("millrace_search_facts_total", {"outcome": "dropped"}) or 0.0


@pytest.fixture
def broker() -> MemoryBroker:
    return MemoryBroker({TOPIC: 1})


@pytest.fixture
def outbox(broker: MemoryBroker) -> Iterator[Outbox]:
    outbox = Outbox(MemoryProducer(broker), publish_timeout_s=5.0, capacity=3)
    outbox.start()
    yield outbox
    outbox.close(0.0)


def texts(broker: MemoryBroker) -> list[str]:
    return [(record.value or b"").decode() for record in broker.records(TOPIC)]


def test_a_published_record_is_in_the_log_when_publish_returns(outbox: Outbox, broker: MemoryBroker) -> None:
    outbox.publish(TOPIC, letter())
    assert texts(broker) == ["x"]


def test_publishing_to_a_log_that_is_down_says_so(outbox: Outbox, broker: MemoryBroker) -> None:
    broker.down = "no broker"
    with pytest.raises(Unavailable, match="no broker"):
        outbox.publish(TOPIC, letter())
    assert outbox.ready() == "no broker"


def test_records_of_many_threads_all_arrive(outbox: Outbox, broker: MemoryBroker) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda place: outbox.publish(TOPIC, letter(str(place))), range(200)))
    assert sorted(map(int, texts(broker))) == list(range(200))


def test_offered_facts_are_in_the_log_after_closing(outbox: Outbox, broker: MemoryBroker) -> None:
    for text in "abc":
        assert outbox.offer(TOPIC, letter(text))
    outbox.close(5.0)
    assert texts(broker) == ["a", "b", "c"]


def test_facts_wait_in_order_while_the_log_is_down(outbox: Outbox, broker: MemoryBroker) -> None:
    broker.down = "no broker"
    for text in "abc":
        outbox.offer(TOPIC, letter(text))
    with pytest.raises(Unavailable):
        outbox.publish(TOPIC, letter("urgent"))
    broker.down = None
    outbox.close(5.0)
    assert texts(broker) == ["a", "b", "c"]


def test_publishing_does_not_wait_behind_facts_that_wait(outbox: Outbox, broker: MemoryBroker) -> None:
    broker.down = "no broker"
    outbox.offer(TOPIC, letter("fact"))
    with pytest.raises(Unavailable):
        outbox.publish(TOPIC, letter("too early"))
    broker.down = None
    outbox.publish(TOPIC, letter("urgent"))
    assert texts(broker)[0] == "urgent"


def test_a_full_queue_drops_the_newest_and_counts_it(broker: MemoryBroker) -> None:
    before, outbox = dropped(), Outbox(MemoryProducer(broker), publish_timeout_s=1.0, capacity=3)
    assert [outbox.offer(TOPIC, letter()) for _ in range(5)] == [True, True, True, False, False]
    assert dropped() - before == 2


def test_what_the_log_never_took_is_counted_at_the_end(broker: MemoryBroker) -> None:
    before, outbox = dropped(), Outbox(MemoryProducer(broker), publish_timeout_s=0.1, capacity=3)
    outbox.start()
    broker.down = "no broker"
    outbox.offer(TOPIC, letter())
    outbox.close(0.2)
    assert dropped() - before == 1


class PickyProducer(MemoryProducer):
    """Refuses one record for good."""

    def send(self, topic: str, encoded: Encoded, on_acknowledged: Callable[[], None] | None = None) -> None:
        if encoded.value == b"too large":
            raise BadRecord("record_too_large")
        super().send(topic, encoded, on_acknowledged)


def test_a_record_refused_for_good_spoils_none_of_its_neighbours(broker: MemoryBroker) -> None:
    before, outbox = dropped(), Outbox(PickyProducer(broker), publish_timeout_s=5.0, capacity=9)
    for text in ("a", "too large", "b"):
        outbox.offer(TOPIC, letter(text))
    outbox.start()
    with pytest.raises(BadRecord):
        outbox.publish(TOPIC, letter("too large"))
    outbox.close(5.0)
    assert texts(broker) == ["a", "b"]
    assert dropped() - before == 1


class StuckProducer(MemoryProducer):
    """Its flush comes back only when told to."""

    def __init__(self, broker: MemoryBroker) -> None:
        super().__init__(broker)
        self.go_on = threading.Event()

    def flush(self, timeout_s: float) -> None:
        self.go_on.wait(10)
        super().flush(timeout_s)


def test_nobody_waits_longer_than_the_limit_and_the_late_word_harms_nobody(broker: MemoryBroker) -> None:
    producer = StuckProducer(broker)
    outbox = Outbox(producer, publish_timeout_s=0.05, capacity=3)
    outbox.start()
    for _ in range(2):
        with pytest.raises(Unavailable, match="within"):
            outbox.publish(TOPIC, letter("slow"))
    producer.go_on.set()
    outbox.publish(TOPIC, letter("after"))
    outbox.close(5.0)
    assert texts(broker) == ["slow", "after"]


def test_an_outbox_may_begin_again(outbox: Outbox, broker: MemoryBroker) -> None:
    outbox.close(1.0)
    outbox.start()
    outbox.publish(TOPIC, letter("again"))
    assert texts(broker) == ["again"]
