"""Reading partitions of a real broker from place to place."""

from contextlib import suppress
from uuid import uuid4

import pytest

from streams.errors import Unavailable
from streams.kafka.config import KafkaConfig
from streams.kafka.producer import KafkaProducer
from streams.kafka.scan import KafkaScan
from streams.kafka.topic_admin import TopicAdmin
from streams.topic_plan import Step
from tests.contract.scan import ScanContract


class TestKafkaScan(ScanContract):
    @pytest.fixture(autouse=True)
    def _config(self, kafka: str) -> None:
        self.config = KafkaConfig(bootstrap_servers=kafka)

    def topic(self) -> str:
        name = uuid4().hex
        TopicAdmin(self.config).apply(Step(name, True, 2, {}))
        for _ in range(100):  # its leaders are elected a moment later
            with suppress(Unavailable):
                self.scan().ends(name)
                break
        return name

    def producer(self) -> KafkaProducer:
        return KafkaProducer(self.config)

    def scan(self) -> KafkaScan:
        return KafkaScan(self.config)

    def test_an_end_that_is_not_there_yet_is_where_the_log_ends(self) -> None:
        topic, scan = self.filled(20), self.scan()
        partition, end = max(scan.ends(topic).items(), key=lambda one: one[1])
        assert len(list(scan.read(topic, partition, 0, end + 100))) == end


def test_a_broker_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        next(iter(KafkaScan(KafkaConfig(bootstrap_servers="127.0.0.1:9", prefix="x")).read("t", 0, 0, 1)))
