"""Builds librdkafka clients; settings that the library refuses are told as what they are."""

from collections.abc import Callable
from typing import TypeVar

from confluent_kafka import KafkaException

from streams.errors import Misconfigured

Client = TypeVar("Client")


def built(build: Callable[[], Client]) -> Client:
    """The client. Raises Misconfigured where its settings contradict each other or name what is not there."""
    try:
        return build()
    except KafkaException as error:
        raise Misconfigured(f"the kafka settings do not go together: {error.args[0].str()}") from error
