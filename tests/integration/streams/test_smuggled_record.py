"""A broker judges a batch by its compressed size: a record of 20 MB can come in, and must not stop a partition."""

from uuid import uuid4

import confluent_kafka

from streams.kafka.config import KafkaConfig
from streams.kafka.consumer import KafkaConsumer
from streams.kafka.letter_box import LetterBox
from streams.kafka.producer import KafkaProducer
from streams.kafka.topic_admin import TopicAdmin
from streams.runner import Runner
from streams.stage import Stage
from streams.topic_plan import manifest, plan
from streams.topics import RAW, dead_letter_topic, group_of

SMUGGLER = {"compression.type": "gzip", "message.max.bytes": 50_000_000}


def test_a_record_that_came_in_compressed_is_set_aside_cut(kafka: str) -> None:
    config = KafkaConfig(bootstrap_servers=kafka, prefix=f"p{uuid4().hex[:8]}")
    for step in plan(manifest(config.prefix, ["s"]), {}):
        TopicAdmin(config).apply(step)
    topic = RAW.full_name(config.prefix)
    producer = confluent_kafka.Producer({"bootstrap.servers": kafka, **SMUGGLER})
    producer.produce(topic, b"z" * 20 * 2**20, b"k")
    assert producer.flush(30.0) == 0
    consumer = KafkaConsumer(config, group_of(config.prefix, "s"), [topic])
    runner = Runner(Stage("s", (RAW,), (), lambda _: ()), consumer, KafkaProducer(config), config.prefix)
    assert any(runner.run_once() for _ in range(100))
    [letter] = LetterBox(config, dead_letter_topic(config.prefix, "s")).letters()
    assert (letter.cut, letter.key) == (True, b"k")
    assert TopicAdmin(config).lag(group_of(config.prefix, "s"), [topic]) == 0
    consumer.close()
