"""One run: a seed divides pool and held-out side, then turn by turn labels are chosen and the towers are trained."""

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from models.encoders.port import Vectors
from schemas.annotations import Arm
from streams.media.store import MediaStore
from tests.evaluations.loop.choosing import ACTIVE, at_random, herded
from tests.evaluations.loop.encoders import Remembering, Towers
from tests.evaluations.loop.lessons import prepared, trained
from tests.evaluations.loop.sets import TENANT, Item, LoopSet
from trainers.evaluation.measures.measuring import measure
from trainers.gate.config import GateConfig
from trainers.gate.judging import judge
from trainers.gate.outcomes import Outcomes
from trainers.gate.whole import macro_f1
from trainers.recipes.overrides import resolved
from trainers.recipes.recipe import Recipe
from trainers.snapshots.manifest import Manifest
from trainers.snapshots.rows import Row, Split, TaskLabel

Turn = dict[str, JsonValue]
GATE = GateConfig()


@dataclass
class Loop:
    """The state of one run: who is labelled, and the model of the last turn."""

    data: LoopSet
    media: MediaStore
    towers: Towers
    seed: int
    arm: str
    batches: list[list[int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        order = np.random.default_rng(self.seed).permutation(len(self.data.items))
        plan = self.data.plan
        self._held_out = [self.data.items[at] for at in order[: plan.held_out]]
        self._pool = [self.data.items[at] for at in order[plan.held_out : plan.held_out + plan.pool]]
        self._first = self.towers.fresh(self.seed)
        self._model = self._first

    def through(self) -> Iterator[Turn]:
        """The state before anything is labelled, then all turns."""
        yield {"labels": 0, "after": told(self._measured(self._first, self._manifest()))}
        for number in range(self.data.plan.turns):
            with tempfile.TemporaryDirectory() as folder:
                yield self._turn(number + 1, Path(folder))

    def _turn(self, number: int, folder: Path) -> Turn:
        seconds: dict[str, float] = {}
        plan, parent = self.data.plan, self._model
        recipe = resolved(plan.recipe, {**plan.overrides, "seed": self.seed * 100 + number})
        assert isinstance(recipe, Recipe)
        with _timed(seconds, "choosing"):
            self.batches.append(self._chosen())
        manifest = self._manifest()
        with _timed(seconds, "data"):
            dataset = prepared(manifest, recipe, self.media, parent, folder)
        with _timed(seconds, "training"):
            self._model = self.towers.released(trained(dataset, recipe, folder / "export"))
        with _timed(seconds, "measuring"):
            after, before = (self._measured(each, manifest) for each in (self._model, parent))
            frozen = before if parent is self._first else self._measured(self._first, manifest)
        verdict = judge(after, before, GATE, seed=self.seed)
        return {
            "labels": sum(map(len, self.batches)),
            "classes": len({self._pool[place].truth for batch in self.batches for place in batch}),
            "frozen": told(frozen),
            "before": told(before),
            "after": told(after),
            "passed": verdict.passed,
            "reasons": list(verdict.reasons),
            "seconds": dict(seconds),
        }

    def _chosen(self) -> list[int]:
        count = self.data.plan.budget
        if self.arm != ACTIVE:
            return at_random(len(self._pool), self.batches, count, self.seed)
        return herded(self._seen(), self._truth(), self.batches, count, self.seed * 100 + len(self.batches))

    def _seen(self) -> Vectors:
        """The pool through the model of the last turn."""
        if self._pool[0].media is None:
            return self._model.encode_texts([item.text or "" for item in self._pool])
        return self._model.encode_images([self.media.get(item.media) for item in self._pool if item.media])

    def _truth(self) -> NDArray[np.intp] | None:
        """Places of the classes; None for captions."""
        places = {name: place for place, name in enumerate(self.data.task.labels)}
        return np.array([places[item.truth] for item in self._pool], dtype=np.intp) if places else None

    def _manifest(self) -> Manifest:
        known = {place for batch in self.batches for place in batch}
        rows = [self._row(item, Split.TRAIN, place in known, place) for place, item in enumerate(self._pool)]
        rows += [
            self._row(item, Split.EVALUATION, True, len(rows) + place) for place, item in enumerate(self._held_out)
        ]
        return Manifest.of("default", self._model.version, [self.data.task], rows)

    def _row(self, item: Item, side: Split, known: bool, group: int) -> Row:
        arm = Arm.ACTIVE if side is Split.TRAIN and self.arm == ACTIVE else Arm.RANDOM
        labels = (TaskLabel(self.data.task.name, (item.truth,), 1.0, arm, 1),) if known else ()
        facts = (item.modality, item.sha256, item.media, item.text, labels)
        return Row(TENANT, item.item_id, 1, *facts, split=side, group=group)

    def _measured(self, model: Remembering, manifest: Manifest) -> Outcomes:
        return measure(model, manifest, self.media, GATE)


def told(outcomes: Outcomes) -> dict[str, JsonValue]:
    """Means over the held-out items, by name."""
    found: dict[str, JsonValue] = {each.name: float(each.values.mean()) for each in outcomes.measures}
    for answers in outcomes.answers:
        found["macro_f1"] = float(macro_f1(answers, np.ones((1, len(answers.units))))[0])
    return found


def plan_of(data: LoopSet) -> Mapping[str, JsonValue]:
    """What a run's figures depend on, for files that are gone on with."""
    plan = data.plan
    recipe = resolved(plan.recipe, plan.overrides).model_dump(mode="json")
    sizes: dict[str, JsonValue] = {"pool": plan.pool, "held_out": plan.held_out}
    return {**sizes, "budget": plan.budget, "turns": plan.turns, "name": plan.recipe, "recipe": recipe}


@contextmanager
def _timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    """Of the processor, not of the clock: the machine is shared."""
    began = time.process_time()
    yield
    seconds[step] = round(time.process_time() - began, 3)
