"""The whole way of a text, from items.raw to the index, against nothing but its encoder.

Curation, embedding and indexing run one after the other in this process, each over Kafka as a worker would, so that
their CPU time adds up. The bare side encodes the same texts in batches of the same size.
"""

from uuid import uuid4

from infra.settings import load_settings
from infra.wiring import STAGES, Workshop
from schemas.items import ItemPublished
from streams.runner import Runner
from streams.topics import INDEXED, RAW
from tests.benchmarks.ground import Ground, Log, cpu_s
from tests.benchmarks.harness import AtLeast, Measured, Side, compare
from tests.benchmarks.items import published
from tests.benchmarks.report import Row
from tests.benchmarks.workers import create_topics

ITEMS = 64
ORDER = ("curation", "embedding", "indexing")


def pipeline(ground: Ground) -> list[Row]:
    log = Log(ground)
    create_topics(log.config)
    workshop = Workshop(load_settings(data_dir=ground.folder, kafka=log.config))
    runners = {name: workshop.runner(STAGES[name](workshop)) for name in ORDER}
    shares: dict[str, list[float]] = {name: [] for name in ORDER}
    sent: list[ItemPublished] = []

    def publish() -> None:
        """New items, as what is known would stop at curation."""
        run = uuid4().hex[:8]
        items = published(ITEMS, seed=int(run, 16))
        sent[:] = [item.model_copy(update={"item_id": f"{run}-{item.item_id}"}) for item in items]
        log.fill(RAW, sent, "bench")

    def ours() -> Measured:
        publish()
        before = log.written(INDEXED.full_name(log.config.prefix))
        for name, runner in runners.items():
            shares[name].append(_drained(runner))
        cost = sum(times[-1] for times in shares.values())
        return Measured(cost / ITEMS * 1000, log.written(INDEXED.full_name(log.config.prefix)) - before)

    compared = compare(ours, _bare(workshop, sent), AtLeast(0.9), ground.pairs)
    whole = sum(sum(times) for times in shares.values())
    notes = {"shares": {name: sum(times) / whole for name, times in shares.items()}}
    with workshop.close:
        return [Row("whole pipeline", "bare encoder, same texts", "ms of CPU an item", compared, notes)]


def _drained(runner: Runner) -> float:
    """CPU seconds for all items of a round."""
    started, done = cpu_s(), 0
    while done < ITEMS:
        done += runner.run_once()
    return cpu_s() - started


def _bare(workshop: Workshop, sent: list[ItemPublished]) -> Side:
    size, encoder = workshop.settings.embedding.max_records, workshop.shelf.configured

    def run() -> Measured:
        texts = [str(item.text) for item in sent]
        started = cpu_s()
        vectors = [encoder.encode_texts(texts[at : at + size]) for at in range(0, len(texts), size)]
        return Measured((cpu_s() - started) / len(texts) * 1000, sum(map(len, vectors)))

    return run
