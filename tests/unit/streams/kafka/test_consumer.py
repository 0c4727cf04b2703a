"""Where a replay begins, and what is not tried while the log is down."""

import confluent_kafka
import pytest
from confluent_kafka import OFFSET_BEGINNING, OFFSET_END

from streams.errors import Unavailable
from streams.kafka.config import KafkaConfig
from streams.kafka.consumer import KafkaConsumer, not_ahead
from streams.record import TopicPartition


@pytest.mark.parametrize(
    ("wanted", "read", "begins"),
    [
        (3, 10, 3),
        (12, 10, 10),
        (OFFSET_END, 10, 10),  # nothing is as new as the moment that was asked for
        (OFFSET_BEGINNING, 10, 10),
        (3, -1001, OFFSET_BEGINNING),  # nothing was read so far
    ],
)
def test_a_replay_goes_back_and_never_skips_what_was_not_read(wanted: int, read: int, begins: int) -> None:
    assert not_ahead(wanted, read) == begins


def test_a_commit_to_a_log_that_is_known_to_be_down_fails_at_once() -> None:
    consumer = KafkaConsumer(KafkaConfig(bootstrap_servers="127.0.0.1:9"), "g", ["t"])
    consumer._client.assign([confluent_kafka.TopicPartition("t", 0)])
    consumer._down = "Kafka does not answer"
    with pytest.raises(Unavailable, match="does not answer"):
        consumer.commit({TopicPartition("t", 0): 1})
    consumer.close()
