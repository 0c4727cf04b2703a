"""librdkafka clients: built with settings that are checked, and asked whether anybody answers."""

from collections.abc import Callable
from typing import TypeVar

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from streams.errors import Misconfigured
from streams.kafka.config import KafkaConfig, client_settings, rdkafka_log

Client = TypeVar("Client")


def built(build: Callable[[], Client]) -> Client:
    """The client. Raises Misconfigured where its settings contradict each other or name what is not there."""
    try:
        return build()
    except KafkaException as error:
        raise Misconfigured(f"the kafka settings do not go together: {error.args[0].str()}") from error


def broker_answers(config: KafkaConfig, timeout_s: float) -> bool:
    """Whether a broker there answers a request for its topics within the time. Raises Misconfigured."""
    client = built(lambda: AdminClient(client_settings(config) | {"log_level": 0}, logger=rdkafka_log))
    try:
        client.list_topics(timeout=timeout_s)
    except KafkaException:
        return False
    return True
