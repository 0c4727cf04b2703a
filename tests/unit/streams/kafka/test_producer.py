"""A client that is beyond repair is replaced, once."""

from confluent_kafka import KafkaError, KafkaException

from streams.errors import Unavailable
from streams.kafka.config import KafkaConfig
from streams.kafka.producer import KafkaProducer

NOBODY = KafkaConfig(bootstrap_servers="127.0.0.1:9")
FATAL = KafkaException(KafkaError(KafkaError._FATAL, "as `produce` raises it: without its fatal flag"))


def test_a_fatal_error_is_answered_with_a_new_client() -> None:
    producer = KafkaProducer(NOBODY)
    broken = producer._client
    assert isinstance(producer._translated(FATAL, "t", broken), Unavailable)
    assert producer._client is not broken


def test_two_threads_that_meet_the_same_fatal_error_share_the_new_client() -> None:
    producer = KafkaProducer(NOBODY)
    broken = producer._client
    producer._translated(FATAL, "t", broken)
    mended = producer._client
    producer._translated(FATAL, "t", broken)
    assert producer._client is mended


def test_an_error_that_passes_keeps_the_client() -> None:
    producer = KafkaProducer(NOBODY)
    client = producer._client
    producer._translated(KafkaException(KafkaError(KafkaError._TIMED_OUT)), "t", client)
    assert producer._client is client
