"""Consume, decode, encode, produce: our runner with a stage that copies, against the bare client and aiokafka.

All sides read the same records, write the same bytes with the same settings (idempotent, acknowledged by all, lz4,
5 ms of linger), and commit after every 500 records once these are acknowledged. The bare loop decodes nothing;
aiokafka runs our codec.
"""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from importlib.metadata import version
from typing import Any

import confluent_kafka

from schemas.items import ItemPublished
from streams.codec import decode, encode
from streams.record import Record
from streams.stage import Stage
from streams.topics import Topic
from tests.benchmarks.ground import FLUSH_S, Ground, Log, cpu_s, settle_again
from tests.benchmarks.harness import AtLeast, Measured, Side, compare
from tests.benchmarks.items import published
from tests.benchmarks.report import Row

RECORDS = 15_000
BATCH = 500
SOURCE = "millrace/copy"
PARTITIONS = 4
IN = Topic("in", (ItemPublished,))
OURS = Topic("ours", (ItemPublished,))
BARE = Topic("bare", (ItemPublished,))
ASYNC = Topic("async", (ItemPublished,))


def transport(ground: Ground) -> list[Row]:
    """Two rows: against the bare loop and against aiokafka."""
    with ExitStack() as stack:
        return _rows(ground, stack)


def _rows(ground: Ground, stack: ExitStack) -> list[Row]:
    log, count = Log(ground), ground.count(RECORDS)
    for topic in (IN, OURS, BARE, ASYNC):
        log.create(topic, PARTITIONS)
    log.fill(IN, published(count), SOURCE)
    ours, bare, asynchronous = _ours(log, count), _bare(log, count), _asynchronous(log, count, stack)
    unit = "µs of CPU a record"
    return [
        Row(
            "transport",
            f"bare loop, confluent-kafka {version('confluent-kafka')}",
            unit,
            compare(ours, bare, AtLeast(0.5), ground.pairs),
        ),
        Row(
            "transport",
            f"aiokafka {version('aiokafka')}",
            unit,
            compare(ours, asynchronous, AtLeast(3.0), ground.pairs),
        ),
    ]


def _side(log: Log, out: str, count: int, work: Callable[[], object]) -> Side:
    """Every round must write all records; the first one is also read back."""
    first: list[str] = []

    def run() -> Measured:
        before, started = log.written(out), cpu_s()
        work()
        cost = (cpu_s() - started) / count * 1e6
        added = log.written(out) - before
        if not first:
            first.append(log.digest(out))
        return Measured(cost, (added, first[0]))

    return run


def _ours(log: Log, count: int) -> Side:
    runner = log.runner(Stage("copy", (IN,), (OURS,), lambda incoming: (incoming.fact,)))
    return _side(log, OURS.full_name(log.config.prefix), count, lambda: settle_again(runner, count))


def _bare(log: Log, count: int) -> Side:
    consumer = confluent_kafka.Consumer(
        {
            "bootstrap.servers": log.config.bootstrap_servers,
            "group.id": f"{log.config.prefix}.bare",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",
        }
    )
    producer = confluent_kafka.Producer(
        {
            "bootstrap.servers": log.config.bootstrap_servers,
            "enable.idempotence": True,
            "acks": "all",
            "compression.type": "lz4",
            "linger.ms": 5,
            "partitioner": "murmur2_random",
        }
    )
    name, out = IN.full_name(log.config.prefix), BARE.full_name(log.config.prefix)
    start = [confluent_kafka.TopicPartition(name, partition, 0) for partition in range(PARTITIONS)]

    def work() -> None:
        consumer.assign(start)
        done = 0
        while done < count:
            messages: list[Any] = consumer.consume(BATCH, 1.0)
            for message in messages:
                producer.produce(out, message.value(), message.key(), headers=message.headers())
            if producer.flush(FLUSH_S):
                raise TimeoutError("the broker did not acknowledge")
            ends = {message.partition(): message.offset() + 1 for message in messages}
            if ends:
                reached = [confluent_kafka.TopicPartition(name, *end) for end in ends.items()]
                consumer.commit(offsets=reached, asynchronous=False)
            done += len(messages)

    return _side(log, out, count, work)


def _asynchronous(log: Log, count: int, stack: ExitStack) -> Side:
    """With its compiled record parsers, and batches large enough that it never waits for room in one."""
    import aiokafka  # type: ignore[import-untyped]

    loop = asyncio.new_event_loop()
    name, out = IN.full_name(log.config.prefix), ASYNC.full_name(log.config.prefix)

    async def start() -> tuple[Any, Any]:
        servers, never_ms = log.config.bootstrap_servers, 3_600_000  # its loop rests while others run
        consumer = aiokafka.AIOKafkaConsumer(
            bootstrap_servers=servers,
            group_id=f"{log.config.prefix}.async",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            metadata_max_age_ms=never_ms,
        )
        producer = aiokafka.AIOKafkaProducer(
            bootstrap_servers=servers,
            acks="all",
            enable_idempotence=True,
            compression_type="lz4",
            linger_ms=5,
            max_batch_size=256 * 1024,
            metadata_max_age_ms=never_ms,
        )
        await consumer.start()
        consumer.assign([aiokafka.TopicPartition(name, partition) for partition in range(PARTITIONS)])
        await producer.start()
        return consumer, producer

    consumer, producer = loop.run_until_complete(start())
    for client in (consumer, producer):
        stack.callback(_stop, loop, client)

    async def copy() -> None:
        await consumer.seek_to_beginning()
        done = 0
        while done < count:
            batches = await consumer.getmany(timeout_ms=1000, max_records=BATCH)
            for messages in batches.values():
                for m in messages:
                    record = Record(m.topic, m.partition, m.offset, m.key, m.value, tuple(m.headers), m.timestamp)
                    encoded = encode(decode(record, (ItemPublished,)), SOURCE)
                    await producer.send(out, encoded.value, encoded.key, headers=list(encoded.headers))
                done += len(messages)
            await producer.flush()
            await consumer.commit()

    return _side(log, out, count, lambda: loop.run_until_complete(copy()))


def _stop(loop: asyncio.AbstractEventLoop, client: Any) -> None:
    loop.run_until_complete(client.stop())
