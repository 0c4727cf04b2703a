"""A commit that ends in time, whatever becomes of the broker.

The client's own synchronous commit has no time limit. When the session runs out meanwhile, it waits for the loss of the
partitions to be dealt with, which happens in `poll`: who commits and does not poll waits for himself. A thread of its
own does not help, as the client lets one thread in at a time: every other call then waits for the commit. So it is
asked for without waiting, and the group is asked where it stands, which has a time limit. Both take the same
connection, on which a broker answers one request after the other.
"""

import threading
from collections.abc import Sequence

import confluent_kafka
from confluent_kafka import KafkaException

from streams.errors import Unavailable


def commit_within(
    client: confluent_kafka.Consumer, offsets: Sequence[confluent_kafka.TopicPartition], timeout_s: float
) -> None:
    """Returns when the group stands at the offsets. Raises Unavailable; the commit may then still take effect later."""
    wanted = list(offsets)
    try:
        client.commit(offsets=wanted, asynchronous=True)
        found = client.committed(wanted, timeout=timeout_s)
    except KafkaException as error:
        raise Unavailable(f"Kafka does not take the commit: {error.args[0].str()}") from error
    for asked, stands in zip(wanted, found, strict=True):
        if stands.error or stands.offset != asked.offset:
            raise Unavailable(f"Kafka did not take the commit of {asked.topic}/{asked.partition}")


def keep_open(client: confluent_kafka.Consumer) -> None:
    """Leaves a client with a commit on its way to the end of the process: closing or dropping it takes a session."""
    threading.Thread(target=_hold, args=(client,), name="open client", daemon=True).start()


def _hold(client: confluent_kafka.Consumer) -> None:
    threading.Event().wait()
