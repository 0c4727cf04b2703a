"""A commit in a thread of its own, because the client may keep whoever commits for ever.

When the broker goes away and the session runs out, the client waits with the commit until the loss of the partitions
was dealt with, which happens in `poll`: who stands in a synchronous commit and does not poll waits for himself.
"""

import threading
from collections.abc import Sequence

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException

from streams.errors import Unavailable


class Commit:
    """Begins at once. One at a time for a client, so that an old one never overtakes a new one."""

    def __init__(self, client: confluent_kafka.Consumer, offsets: Sequence[confluent_kafka.TopicPartition]) -> None:
        self._client = client
        self._offsets = list(offsets)
        self._error: KafkaError | None = None
        self._answered = False
        self._ended = threading.Event()
        threading.Thread(target=self._run, name="commit", daemon=True).start()

    @property
    def ended(self) -> bool:
        return self._ended.is_set()

    def error_within(self, timeout_s: float) -> KafkaError | None:
        """What went wrong, None if nothing did. Raises Unavailable if it has not ended by then; ask again later."""
        if not self._ended.wait(timeout_s):
            raise Unavailable(f"Kafka does not take the commit: no answer within {timeout_s:g} s")
        assert self._answered, "the commit broke off; its traceback is in the log"
        return self._error

    def _run(self) -> None:
        try:
            self._client.commit(offsets=self._offsets, asynchronous=False)
        except KafkaException as error:
            self._error = error.args[0]
            self._answered = True
        else:
            self._answered = True
        finally:
            self._ended.set()
