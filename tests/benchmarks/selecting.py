"""What choosing costs: scoring and selection of new texts against embedding them, and a round as the pool grows.

Both sides of the first row take the same texts. Ours scores their vectors among 10,000 candidates, takes the scores
into the pool and makes a round; SQLite's transactions are in it. The second row has the same code on both sides: a
round over 160,000 candidates against one over 10,000, both told as cost a candidate, so that 1 means one pass.
"""

from collections.abc import Iterator, Sequence
from uuid import uuid4

import numpy as np
from sqlalchemy import Engine

from annotation.selection.config import SelectionConfig
from annotation.selection.stage import Selection
from annotation.selection.store.tables import metadata as selection_tables
from annotation.tasks import TaskConfig
from consumers.scoring.config import ScoringConfig
from consumers.scoring.generations import Live
from consumers.scoring.learning.head_store import HeadStore
from consumers.scoring.stage import scoring_stage
from consumers.scoring.tables import metadata as scoring_tables
from models.encoders.config import EncoderConfig
from models.encoders.loading import load_encoder
from models.encoders.port import Encoder
from models.labels.store import LabelStore
from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from models.vector_index.edge import EdgeVectorIndex
from schemas.annotations import ItemScored, Neighbour, Uncertainty
from schemas.event import Event
from schemas.items import EmbeddedPart, ItemEmbedded, Modality
from streams.clock import SystemClock
from streams.record import Origin
from streams.stage import Incoming
from tests.benchmarks.encoding import _texts
from tests.benchmarks.ground import Ground, cpu_s
from tests.benchmarks.harness import AtMost, Measured, Side, compare
from tests.benchmarks.items import DIM, NOON, embedded
from tests.benchmarks.report import Row

NEW_TEXTS, STANDING, BATCH = 256, 10_000, 64
SMALL, LARGE = 10_000, 160_000
TASK = TaskConfig(name="bench", labels=("mill", "water"))
ROUND = SelectionConfig().batch
FREE = SelectionConfig(pool_size=1_000_000, budget=10_000_000, open_limit=100_000, batch=ROUND, settle_s=0)


def selecting(ground: Ground) -> list[Row]:
    encoder = load_encoder(EncoderConfig())
    encoder.warm_up()
    texts = _texts(ground.count(NEW_TEXTS))
    peer = _embedding(encoder, texts)
    chosen, scored = (
        compare(_choosing(ground, encoder, texts, scoring), peer, AtMost(0.05), ground.pairs)
        for scoring in (False, True)
    )
    large, small = (_round(ground, ground.count(size)) for size in (LARGE, SMALL))
    grown = compare(large, small, AtMost(1.1), ground.pairs)
    return [
        Row("taking scores in and a round", "embedding the texts, MiniLM", "ms of CPU a text", chosen),
        Row("the same and scoring", "embedding the texts, MiniLM", "ms of CPU a text", scored),
        Row(f"a round, {LARGE:,} candidates", f"a round, {SMALL:,} candidates", "µs of CPU a candidate", grown),
    ]


def _embedding(encoder: Encoder, texts: Sequence[str]) -> Side:
    def run() -> Measured:
        started = cpu_s()
        vectors = encoder.encode_texts(texts)
        return Measured((cpu_s() - started) / len(texts) * 1000, len(vectors))

    return run


def _choosing(ground: Ground, encoder: Encoder, texts: Sequence[str], scoring_too: bool) -> Side:
    engine = _engine(ground)
    index = EdgeVectorIndex.open(ground.folder / f"index-{uuid4().hex}")
    index.ensure_space(encoder.version, DIM)
    labels = LabelStore(engine)
    labels.create_tables()
    live = Live(encoder.version, DIM, 0)
    scoring = scoring_stage([TASK], index, labels, HeadStore(engine), engine, ScoringConfig(), lambda: live)
    selection = Selection(engine, [TASK], FREE, lambda *_: (), SystemClock())
    assert scoring.tick is not None
    while scoring.tick():
        pass

    def score(facts: Sequence[Event]) -> list[list[Incoming]]:
        answers = (scoring.outcomes(batch) for batch in _batches(facts))
        return [
            _incoming([fact for outcome in batch if isinstance(outcome, Sequence) for fact in outcome])
            for batch in answers
        ]

    def take(batches: Sequence[Sequence[Incoming]]) -> int:
        for batch in batches:
            selection.learn(batch)
        return sum(map(len, batches))

    standing = embedded(ground.count(STANDING))
    take(score([fact.model_copy(update={"model_version": encoder.version}) for fact in standing]))
    vectors = encoder.encode_texts(texts)

    def run() -> Measured:
        facts = list(_items(encoder, texts, vectors))
        began = cpu_s()
        scored = score(facts)
        started = began if scoring_too else cpu_s()
        taken = take(scored)
        assert len(selection.ask()) == ROUND
        return Measured((cpu_s() - started) / len(texts) * 1000, taken)

    return run


def _round(ground: Ground, size: int) -> Side:
    rng = np.random.default_rng(0)
    selection = Selection(_engine(ground), [TASK], FREE, lambda *_: (), SystemClock())
    near, far = rng.integers(0, size, (size, 15)), np.sort(rng.random((size, 15)), axis=1)
    facts = [_scored(number, float(rng.random()), near[number], far[number]) for number in range(size)]
    for at in range(0, size, 1_000):
        selection.learn(_incoming(facts[at : at + 1_000]))

    def run() -> Measured:
        selection.learn(_incoming([facts[0]]))  # so that the graph's matrix is made anew, as it is in life
        started = cpu_s()
        asked = selection.ask()
        return Measured((cpu_s() - started) / size * 1e6, len(asked))

    return run


def _engine(ground: Ground) -> Engine:
    engine = open_engine(MetadataConfig(url=f"sqlite:///{ground.folder / uuid4().hex}.sqlite"))
    for tables in (selection_tables, scoring_tables):
        tables.create_all(engine)
    return engine


def _items(encoder: Encoder, texts: Sequence[str], vectors: np.ndarray) -> Iterator[ItemEmbedded]:
    """The texts under names that nobody has heard yet."""
    for text, vector in zip(texts, vectors, strict=True):
        yield ItemEmbedded(
            item_id=uuid4().hex,
            version=1,
            modality=Modality.TEXT,
            model_version=encoder.version,
            dim=DIM,
            parts=(EmbeddedPart(part=0, modality=Modality.TEXT, vector=vector.tobytes(), text=text),),
            published_at=NOON,
        )


def _scored(number: int, unsure: float, near: np.ndarray, far: np.ndarray) -> ItemScored:
    return ItemScored(
        item_id=f"item-{number}",
        version=1,
        task=TASK.name,
        model_version="bench",
        uncertainty=Uncertainty(margin=unsure),
        density=0.5,
        acquisition=unsure,
        head=1,
        neighbours=tuple(Neighbour(item_id=f"item-{n}", distance=float(d)) for n, d in zip(near, far, strict=True)),
    )


def _batches(facts: Sequence[Event]) -> Iterator[list[Incoming]]:
    return (_incoming(facts[at : at + BATCH]) for at in range(0, len(facts), BATCH))


def _incoming(facts: Sequence[Event]) -> list[Incoming]:
    return [Incoming(fact, Origin("bench", 0, at)) for at, fact in enumerate(facts)]
