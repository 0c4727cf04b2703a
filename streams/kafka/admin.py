"""Questions to a cluster as a whole: does it answer?"""

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient


def broker_answers(bootstrap: str, timeout_s: float) -> bool:
    """Whether a broker there answers a request for its topics within the time."""
    client = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    try:
        client.list_topics(timeout=timeout_s)
    except KafkaException:
        return False
    return True
