"""From published to searchable at half load, through three real worker processes, against the bare parts of that way.

Half load is half of the rate at which the pipeline took a backlog. An item counts as searchable when the index has
acknowledged it, the moment that ItemIndexed carries. The bare parts are what no pipeline can leave out: the producer's
linger, and the encoder and the engine called on batches as large as the pipeline's were.
"""

import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from itertools import islice, pairwise
from statistics import median
from uuid import uuid4

import qdrant_edge as engine

from consumers.indexing.entries import entry_of
from models.encoders.config import EncoderConfig
from models.encoders.loading import load_encoder
from models.vector_index.edge import EdgeVectorIndex
from models.vector_index.edge.points import points_of
from models.vector_index.plan import Write
from schemas.items import ItemIndexed, ItemPublished
from streams.codec import decode, encode
from streams.kafka.letter_box import read_topic
from streams.kafka.producer import KafkaProducer
from streams.record import Record
from streams.topics import CURATED, EMBEDDED, INDEXED, RAW, Topic
from tests.benchmarks.ground import FLUSH_S, Ground, Log
from tests.benchmarks.harness import AtMost, Measured, Side, compare, percentile
from tests.benchmarks.items import DIM, MODEL, embedded, published
from tests.benchmarks.report import Row
from tests.benchmarks.workers import create_topics, running

BACKLOG = 200
SECONDS = 4.0
"""Of one run at half load."""
WAIT_S = 120.0
P95 = 0.95


def freshness(ground: Ground) -> list[Row]:
    log = Log(ground)
    create_topics(log.config)
    with running(("curation", "embedding", "search"), log.config, ground.folder / "mill"):
        pipeline = Pipeline(log)
        pipeline.publish(ground.count(BACKLOG), per_s=1e9)
        rate = pipeline.publish(ground.count(BACKLOG), per_s=1e9).rate
        runs: list[Run] = []

        def ours() -> Measured:
            run = pipeline.publish(int(rate / 2 * SECONDS), per_s=rate / 2)
            runs.append(run)
            return Measured(percentile(run.ages_s, P95) * 1000, run.complete)

        bare = _bare(ground, log, lambda: runs[-1])
        compared = compare(ours, bare, AtMost(1.5), ground.pairs, tries=1)
    notes: dict[str, object] = {"most, items/s": rate, "half load, items/s": rate / 2}
    notes |= {"steps, ms (median, P95)": {name: _spread(runs, name) for name in runs[0].steps}}
    notes |= {"items in a batch of the encoder": median(size for run in runs for size in run.batches)}
    peer = f"linger + MiniLM + qdrant-edge {version('qdrant-edge-py')}"
    return [Row("event to searchable at half load", peer, "ms, P95", compared, notes)]


class Run:
    """What became of some items: how old each was when it could be found, and where the time went."""

    def __init__(self, sent: int, raw: list[Record], curated: list[Record], embedded: list[Record], told: list[Record]):
        facts = [decode(record, (ItemIndexed,)) for record in told]
        done = {fact.item_id: fact.occurred_at.timestamp() for fact in facts if isinstance(fact, ItemIndexed)}
        begun, looked, seen = (
            {_item(r): r.timestamp_ms / 1000 for r in records} for records in (raw, curated, embedded)
        )
        self.complete = done.keys() == begun.keys() and len(done) == sent
        self.ages_s = [done[item] - begun[item] for item in done]
        self.rate = len(done) / (max(done.values()) - min(begun.values()))
        self.steps = {
            "published to curated": [looked[item] - begun[item] for item in done],
            "curated to embedded": [seen[item] - looked[item] for item in done],
            "embedded to indexed": [done[item] - seen[item] for item in done],
        }
        self.batches = list(_sizes(sorted(seen.values())))


class Pipeline:
    """The topics of the loop, written at one end and read at each."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._producer = KafkaProducer(log.config)

    def publish(self, count: int, per_s: float) -> Run:
        """Publishes items at a steady rate and waits until all can be found."""
        run = uuid4().hex[:8]
        already = self._log.written(INDEXED.full_name(self._log.config.prefix))
        start = time.perf_counter()
        for number, item in enumerate(published(count, seed=int(run, 16))):
            time.sleep(max(0.0, start + number / per_s - time.perf_counter()))
            self._send(item.model_copy(update={"item_id": f"{run}-{number}", "text": f"{item.text} {run}"}))
        self._producer.flush(FLUSH_S)
        self._await(already + count)
        return Run(count, *(list(self._records(topic, run)) for topic in (RAW, CURATED, EMBEDDED, INDEXED)))

    def _send(self, item: ItemPublished) -> None:
        self._producer.send(RAW.full_name(self._log.config.prefix), encode(item, "bench"))

    def _await(self, records: int) -> None:
        deadline = time.monotonic() + WAIT_S
        while self._log.written(INDEXED.full_name(self._log.config.prefix)) < records:
            if time.monotonic() > deadline:
                raise TimeoutError("the pipeline did not index everything")
            time.sleep(0.05)

    def _records(self, topic: Topic, run: str) -> Iterator[Record]:
        records = read_topic(self._log.config, topic.full_name(self._log.config.prefix))
        return (record for record in records if _item(record).startswith(run))


def _bare(ground: Ground, log: Log, last: Callable[[], Run]) -> Side:
    """Linger, then the encoder and the engine on the batches of the last run."""
    encoder = load_encoder(EncoderConfig())
    encoder.warm_up()
    index = EdgeVectorIndex.open(ground.folder / "bare")
    index.ensure_space(MODEL, DIM)

    def run() -> Measured:
        sizes = last().batches
        items, facts = published(sum(sizes)), embedded(sum(sizes))
        ages_ms: list[float] = []
        for size in sizes:
            texts = [str(item.text) for item in islice(items, size)]
            points = [point for fact in islice(facts, size) for point in points_of(Write(entry_of(fact), -1, 0))]
            started = time.perf_counter()
            encoder.encode_texts(texts)
            index._shard.update(engine.UpdateOperation.upsert_points(points))
            took_ms = (time.perf_counter() - started) * 1000
            ages_ms += [log.config.linger_ms + took_ms] * size
        return Measured(percentile(ages_ms, P95), True)

    return run


def _item(record: Record) -> str:
    return record.header("ce_subject") or ""


def _sizes(moments: list[float]) -> Iterator[int]:
    """Records that were written within the same few milliseconds belong to one batch."""
    size = 1
    for before, after in pairwise(moments):
        if after - before > 0.003:
            yield size
            size = 0
        size += 1
    yield size


def _spread(runs: list[Run], step: str) -> str:
    times = [seconds * 1000 for run in runs for seconds in run.steps[step]]
    return f"{median(times):.0f} {percentile(times, P95):.0f}"
