"""The log in memory is held to the contract of a real one."""

import pytest

from streams.errors import Unavailable
from streams.memory import MemoryBroker, MemoryConsumer, MemoryProducer
from streams.port import OnRevoked
from tests.contract.broker import BrokerContract, record


class TestMemoryBroker(BrokerContract):
    @pytest.fixture(autouse=True)
    def _broker(self) -> None:
        self.broker = MemoryBroker({"t": 2})

    def topic(self) -> str:
        return "t"

    def producer(self) -> MemoryProducer:
        return MemoryProducer(self.broker)

    def consumer(
        self, topic: str, group: str, member: str = "a", on_revoked: OnRevoked | None = None
    ) -> MemoryConsumer:
        consumer = MemoryConsumer(self.broker, group, [topic])
        if on_revoked:
            consumer.on_revoked = on_revoked
        return consumer

    def test_a_broker_that_is_down_says_so_to_everybody(self) -> None:
        consumer, producer = self.consumer("t", "g"), self.producer()
        self.broker.down = "no network"
        producer.send("t", record("a"))
        with pytest.raises(Unavailable, match="no network"):
            producer.flush(1.0)
        with pytest.raises(Unavailable, match="no network"):
            consumer.poll(1, 0.1)
