"""Questions to a cluster as a whole: does it answer?"""

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from streams.kafka.clients import built
from streams.kafka.config import KafkaConfig, client_settings, rdkafka_log


def broker_answers(config: KafkaConfig, timeout_s: float) -> bool:
    """Whether a broker there answers a request for its topics within the time. Raises Misconfigured."""
    client = built(lambda: AdminClient(client_settings(config) | {"log_level": 0}, logger=rdkafka_log))
    try:
        client.list_topics(timeout=timeout_s)
    except KafkaException:
        return False
    return True
