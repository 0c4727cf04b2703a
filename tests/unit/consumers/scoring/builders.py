"""A bench on which scoring runs: a database in a file, an index in memory, a clock that stands still."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from consumers.scoring.candidates.store import CandidateStore
from consumers.scoring.config import ScoringConfig
from consumers.scoring.generations import Live
from consumers.scoring.learning.head_store import HeadStore
from consumers.scoring.stage import scoring_stage
from models.labels.store import LabelStore, Standing, write_standings
from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from models.vector_index.port import Held, Near, Page
from schemas.annotations import Arm, ItemScored, LabelSettled, LabelUnsettled
from schemas.event import Event
from schemas.items import EmbeddedPart, ItemEmbedded, ItemWithdrawn, Modality
from schemas.signals import ItemSignalMeasured
from streams.record import Origin
from streams.stage import Incoming
from tests.unit.streams.test_runner import ManualClock

MODEL, DIM, TENANT = "model-1", 8, "default"
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
Vector = NDArray[np.float32]


@dataclass(frozen=True)
class Task:
    """What scoring knows of a question to annotators."""

    name: str = "topic"
    kind: str = "class"
    tenant: str = TENANT
    modalities: tuple[Modality, ...] = (Modality.TEXT, Modality.IMAGE)
    sources: tuple[str, ...] = ()


class FlatIndex:
    """The learning half of the index's port, exact and in memory."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Held]] = {}
        self.asked = 0

    def put(self, item: ItemEmbedded) -> None:
        vector = np.frombuffer(item.parts[0].vector, "<f4")
        text, uri = item.parts[0].text, item.media.uri if item.media else None
        held = Held(item.item_id, item.version, vector, item.modality, item.source, item.language, text, uri)
        self.items.setdefault(item.tenant, {})[item.item_id] = held

    def neighbours(
        self, tenant: str, model_version: str, modality: Modality, vectors: Sequence[Vector], limit: int
    ) -> list[list[Near]]:
        self.asked += len(vectors)
        held = [one for one in self.items.get(tenant, {}).values() if one.modality is modality]
        if not held:
            return [[] for _ in vectors]
        similar = np.stack(vectors) @ np.stack([one.vector for one in held]).T
        order = np.argsort(-similar, axis=1, kind="stable")[:, :limit]
        return [
            [Near(held[at].item_id, held[at].version, 0, float(similar[row, at])) for at in order[row]]
            for row in range(len(vectors))
        ]

    def vectors(self, tenant: str, model_version: str, item_ids: Sequence[str]) -> dict[str, tuple[int, Vector]]:
        held = self.items.get(tenant, {})
        return {one: (held[one].version, held[one].vector) for one in item_ids if one in held}

    def scroll(self, tenant: str, model_version: str, limit: int, after: str | None = None) -> Page:
        ordered = sorted(self.items.get(tenant, {}).values(), key=lambda one: one.item_id)
        left = [one for one in ordered if after is None or one.item_id > after]
        return Page(tuple(left[:limit]), left[limit - 1].item_id if len(left) > limit else None)


def direction(*numbers: float) -> Vector:
    """A unit vector that begins with these numbers."""
    vector = np.zeros(DIM, np.float32)
    vector[: len(numbers)] = numbers
    return vector / np.linalg.norm(vector)


def around(place: int, count: int, seed: int = 0, noise: float = 0.15) -> list[Vector]:
    """Unit vectors near an axis."""
    numbers = np.random.default_rng(seed).normal(size=(count, DIM)) * noise
    numbers[:, place] += 1
    return [(row / np.linalg.norm(row)).astype(np.float32) for row in numbers]


def part(vector: Vector, number: int = 0, text: str | None = "words", **fields: Any) -> EmbeddedPart:
    given = {"part": number, "modality": Modality.TEXT, "vector": vector.tobytes(), "text": text, **fields}
    return EmbeddedPart.model_validate(given)


def embedded(item_id: str, vector: Vector, version: int = 1, **fields: Any) -> ItemEmbedded:
    given = {
        "tenant": TENANT,
        "item_id": item_id,
        "version": version,
        "modality": Modality.TEXT,
        "model_version": MODEL,
        "dim": len(vector),
        "parts": (part(vector, text=f"about {item_id}"),),
        "published_at": NOON,
    }
    return ItemEmbedded.model_validate(given | fields)


def withdrawn(item_id: str, version: int) -> ItemWithdrawn:
    return ItemWithdrawn(tenant=TENANT, item_id=item_id, version=version)


def signal(item_id: str, value: float, revision: int = 1, **fields: Any) -> ItemSignalMeasured:
    given = {
        "tenant": TENANT,
        "item_id": item_id,
        "window_start": NOON,
        "window_s": 60,
        "revision": revision,
        "impressions": 3,
        "clicks": 0,
        "ambiguity": value,
        "signal": value,
    }
    return ItemSignalMeasured.model_validate(given | fields)


def database(folder: Path) -> Engine:
    return open_engine(MetadataConfig(url=f"sqlite:///{folder}/metadata.sqlite"))


class Bench:
    """Scoring between an index and a database. `again` is the same after a restart."""

    def __init__(
        self,
        folder: Path,
        tasks: Sequence[Task] = (Task(),),
        index: Any = None,
        dim: int = DIM,
        live: Live | None = None,
        **config: Any,
    ) -> None:
        live = live or Live(MODEL, dim, 0)
        self.folder, self.tasks, self.dim = folder, tasks, dim
        self.index = FlatIndex() if index is None else index
        self.config = ScoringConfig.model_validate(
            {"pool_items": 1_000, "refit_interval_s": 0, "refit_share": 1, "refit_every": 1} | config
        )
        self.clock = ManualClock()
        self.engine = database(folder)
        self.labels = LabelStore(self.engine)
        self.heads = HeadStore(self.engine)
        self.candidates = CandidateStore(self.engine, MODEL)
        LabelStore.create_tables(self.labels)
        self.heads.create_tables()
        self.candidates.create_tables()
        self.live = live
        self.stage = scoring_stage(
            tasks, self.index, self.labels, self.heads, self.engine, self.config, lambda: self.live, self.clock
        )

    def again(self, tasks: Sequence[Task] | None = None) -> "Bench":
        config = self.config.model_dump()
        return Bench(self.folder, self.tasks if tasks is None else tasks, self.index, self.dim, self.live, **config)

    def answers(self, *facts: Event) -> list[list[ItemScored]]:
        """What each fact of one micro-batch is answered."""
        outcomes = self.stage.handle([Incoming(fact, Origin("t", 0, at)) for at, fact in enumerate(facts)])
        return [[event for event in outcome if isinstance(event, ItemScored)] for outcome in outcomes]  # type: ignore[union-attr]

    def scored(self, *facts: Event) -> list[ItemScored]:
        return [event for answer in self.answers(*facts) for event in answer]

    def index_and_score(self, items: Sequence[ItemEmbedded]) -> list[ItemScored]:
        for item in items:
            self.index.put(item)
        return self.scored(*items)

    def tick(self) -> list[ItemScored]:
        """One tick, a second later."""
        assert self.stage.tick is not None
        self.clock.now += 1
        return [event for event in self.stage.tick() if isinstance(event, ItemScored)]

    def ticks(self, count: int = 20) -> list[ItemScored]:
        """As many ticks as it takes to say everything."""
        return [event for _ in range(count) for event in self.tick()]

    def label(
        self, labels: dict[str, str | tuple[str, ...]], task: str = "topic", version: int = 1, **fields: Any
    ) -> None:
        """Settles labels as consensus does: in the store first, then by the topic."""
        self.settle([(None, _standing(one, named, task, version, **fields)) for one, named in labels.items()])
        self.scored(*(_settled(one, named, task, version) for one, named in labels.items()))

    def unlabel(self, item_id: str, reason: str, task: str = "topic", version: int = 1) -> None:
        before = _standing(item_id, "any", task, version)
        after = Standing(TENANT, task, item_id, version, Arm.ACTIVE, reason, revision=2)
        self.settle([(before, after)])
        fact = LabelUnsettled(
            tenant=TENANT, item_id=item_id, version=version, task=task, revision=2, arm=Arm.ACTIVE, reason=reason
        )
        self.scored(fact)

    def settle(self, changed: Sequence[tuple[Standing | None, Standing]]) -> None:
        with self.engine.begin() as connection:
            write_standings(connection, changed)


def _names(named: str | tuple[str, ...]) -> tuple[str, ...]:
    return (named,) if isinstance(named, str) else named


def _standing(item_id: str, named: str | tuple[str, ...], task: str, version: int, **fields: Any) -> Standing:
    given = {"labels": _names(named), "trust": 1.0, "annotators": 1, "revision": 1} | fields
    return Standing(TENANT, task, item_id, version, Arm.ACTIVE, None, **given)


def _settled(item_id: str, named: str | tuple[str, ...], task: str, version: int) -> LabelSettled:
    return LabelSettled(
        tenant=TENANT, item_id=item_id, version=version, task=task, revision=1, arm=Arm.ACTIVE,
        labels=_names(named), trust=1.0, annotators=1,
    )  # fmt: skip


def settled_in(bench: Bench, count: int = 20) -> None:
    """Items of two kinds, and some between them."""
    places = {"east": around(0, count), "north": around(1, count, seed=1)}
    bench.index_and_score([embedded(f"{name}-{n}", v) for name, vs in places.items() for n, v in enumerate(vs)])
    bench.index_and_score([embedded(f"between-{n}", direction(1, 1, 0.1 * n)) for n in range(3)])
    bench.ticks(3)


def label_some(bench: Bench, count: int = 3) -> None:
    bench.label({f"{name}-{n}": name for name in ("east", "north") for n in range(count)})


def by_item(facts: list[ItemScored]) -> dict[str, ItemScored]:
    return {fact.item_id: fact for fact in facts}
