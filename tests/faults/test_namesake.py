"""Two workers of one name shut each other out: one goes on, the other says what is wrong instead of idling."""

import time
from contextlib import suppress
from uuid import uuid4

from infra.broker.broker import Broker
from streams.errors import Misconfigured
from streams.kafka.config import KafkaConfig
from streams.kafka.consumer import KafkaConsumer
from streams.kafka.topic_admin import TopicAdmin
from streams.topic_plan import Step

PATIENCE_S = 60.0


def test_of_two_workers_of_one_name_one_ends_and_the_other_reads(broker: Broker) -> None:
    if not broker.running:
        broker.start()
        broker.wait_ready()
    topic = uuid4().hex
    config = KafkaConfig(bootstrap_servers=broker.bootstrap, instance="twin", session_timeout_ms=6000)
    TopicAdmin(config).apply(Step(topic, True, 2, {}))
    twins = [KafkaConsumer(config, f"g-{topic}", [topic]) for _ in range(2)]
    refusals: list[tuple[int, str]] = []
    deadline = time.monotonic() + PATIENCE_S
    while not refusals:
        assert time.monotonic() < deadline, "both go on"
        for number, twin in enumerate(twins):
            try:
                twin.poll(10, 0.1)
            except Misconfigured as refusal:
                refusals.append((number, str(refusal)))
                break
    [(ended, reason)] = refusals
    assert "same instance" in reason
    survivor = twins[1 - ended]
    twins[ended].close()
    while not survivor.assignment():
        assert time.monotonic() < deadline, "the survivor reads nothing"
        with suppress(Misconfigured):
            survivor.poll(10, 0.1)
    survivor.close()
