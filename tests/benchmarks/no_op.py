"""What the shell costs a record: our runner with a stage that does nothing, beside Bytewax with a step that does not.

Bytewax reads with its own Kafka source, its documented batch size and one worker, to the end of the topic; its start,
measured on an empty topic, is taken off. It commits nothing, as its recovery is off: we commit. One row with the same
decoding on both sides; in the notes what its source and step cost without any.
"""

from collections.abc import Callable
from importlib.metadata import version
from statistics import median
from typing import Any

from schemas.items import ItemPublished
from streams.codec import decode
from streams.record import Record
from streams.stage import Stage
from streams.topics import Topic
from tests.benchmarks.ground import Ground, Log, cpu_s, settle_again
from tests.benchmarks.harness import Measured, Side, compare
from tests.benchmarks.items import published
from tests.benchmarks.report import Row

RECORDS = 20_000
BATCH = 1000
"""Bytewax's default, which its documentation recommends for throughput."""
IN = Topic("in", (ItemPublished,))
NONE = Topic("none", (ItemPublished,))


def no_op(ground: Ground) -> list[Row]:
    log, count = Log(ground), ground.count(RECORDS)
    log.create(IN)
    log.create(NONE)
    log.fill(IN, published(count), "bench")
    runner = log.runner(Stage("nothing", (IN,), (), lambda incoming: ()))
    ours = _side(lambda: settle_again(runner, count), count, 0.0)
    start_s = median(_start_s(log) for _ in range(ground.pairs))
    peer = _side(lambda: _flow(log, IN, _decoded), count, start_s)
    bare = _side(lambda: _flow(log, IN, _untouched), count, start_s)
    compared = compare(ours, peer, None, ground.pairs)
    notes = {"Bytewax without decoding, µs": bare().cost, "Bytewax's start, taken off, ms": start_s * 1000}
    return [Row("no-op stage", f"Bytewax {version('bytewax')}, same decoding", "µs of CPU a record", compared, notes)]


def _side(work: Callable[[], int], count: int, start_s: float) -> Side:
    def run() -> Measured:
        started = cpu_s()
        done = work()
        return Measured((cpu_s() - started - start_s) / count * 1e6, done)

    return run


def _start_s(log: Log) -> float:
    started = cpu_s()
    _flow(log, NONE, _untouched)
    return cpu_s() - started


def _flow(log: Log, topic: Topic, step: Callable[[Any], object]) -> int:
    """Runs a dataflow to the end of the topic; the number of records that came through."""
    import bytewax.operators as op
    from bytewax.connectors.kafka import KafkaSource
    from bytewax.dataflow import Dataflow
    from bytewax.run import cli_main

    sink = _counting_sink()
    flow = Dataflow("no_op")
    source = KafkaSource(
        [str(log.config.bootstrap_servers)], [topic.full_name(log.config.prefix)], tail=False, batch_size=BATCH
    )
    op.output("out", op.map("step", op.input("in", flow, source), step), sink)
    cli_main(flow)  # type: ignore[no-untyped-call]
    return int(sink.seen)


def _untouched(message: Any) -> object:
    return message


def _decoded(message: Any) -> object:
    return decode(
        Record(message.topic, message.partition, message.offset, message.key, message.value, tuple(message.headers)),
        (ItemPublished,),
    )


def _counting_sink() -> Any:
    from bytewax.outputs import DynamicSink, StatelessSinkPartition

    class Counting(DynamicSink[Any], StatelessSinkPartition[Any]):
        """Lets everything go, and knows how much it was."""

        seen = 0

        def build(self, step_id: str, worker_index: int, worker_count: int) -> "Counting":
            return self

        def write_batch(self, items: list[Any]) -> None:
            self.seen += len(items)

    return Counting()
