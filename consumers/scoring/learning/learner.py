"""One task's labels and what they have taught: followed change by change, fitted again when enough are new.

A label counts only for the version of the item that people saw: another version may show something else.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import structlog
from numpy.typing import NDArray

from consumers.scoring.config import ScoringConfig
from consumers.scoring.learning import questions as ask
from consumers.scoring.learning.head_store import HeadStore, StoredHead
from consumers.scoring.learning.questions import CLASS, Examples, Questions, Vectors
from consumers.scoring.learning.spread import Spread
from consumers.scoring.learning.trial import Guess, Trial
from consumers.scoring.pool.slots import Pool
from models.heads.linear import pool_moments
from models.labels.store import Changes, SettledLabel
from models.neighbours.config import NeighbourConfig
from models.neighbours.propagation import Gate
from schemas.items import Modality
from streams.clock import Clock
from streams.errors import BadRecord

logger = structlog.get_logger()

NEW_SHARE = 20
"""A head is fitted again when one in so many of its labels is new."""

VectorsOf = Callable[[Sequence[str]], Mapping[str, tuple[int, Vectors]]]
"""Item ids to version and vector, as far as the index has them."""


class Task(Protocol):
    """What scoring must know of a question to annotators."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def tenant(self) -> str: ...
    @property
    def modalities(self) -> tuple[Modality, ...]: ...
    @property
    def sources(self) -> tuple[str, ...]: ...


class Labels(Protocol):
    """Settled labels, told change by change."""

    def changes(self, task: str, tenant: str, since: int = 0) -> Changes: ...


@dataclass(slots=True)
class Lesson:
    """A label with the vector it belongs to, once that is known."""

    label: SettledLabel
    vector: Vectors | None = None


class Learner:
    """What is learnt for one task, with one encoder. Not shared between threads."""

    def __init__(
        self, task: Task, model_version: str, labels: Labels, heads: HeadStore, config: ScoringConfig, clock: Clock
    ) -> None:
        self.task = task
        self.stirred = True
        """Labels may have changed since they were read."""
        self.lessons: dict[str, Lesson] = {}
        self.questions: Questions = ()
        self.revision = 0
        """Of the head in force; 0 before the first."""
        self._model_version = model_version
        self._labels, self._heads, self._config, self._clock = labels, heads, config, clock
        self._spread = Spread(NeighbourConfig(neighbours=config.neighbours))
        self._gate = Gate()
        self._trial = Trial(())
        self._change = self._fitted_change = 0
        self._new: set[str] = set()
        self._not_before = float("-inf")
        self._resume()

    @property
    def answers(self) -> bool:
        """Whether the kind of task is one that heads answer."""
        return self.task.kind in ask.ANSWERED_BY_HEADS

    def covers(self, item_id: str, version: int) -> bool:
        """Whether this version of the item has a label."""
        lesson = self.lessons.get(item_id)
        return lesson is not None and lesson.label.version == version

    def follow(self, pool: Pool, vectors_of: VectorsOf) -> Changes:
        """Reads what changed among the labels, and notes what would have been said of those that nobody has seen."""
        changes = self._read(self._change)
        resumed = self._change == 0 and self._fitted_change > 0
        unseen = self._read(self._fitted_change) if resumed else changes
        fresh = [label.item_id for label in unseen.settled if not self._knows(label)]
        lessons = {label.item_id: Lesson(label) for label in changes.settled}
        self._find_vectors(lessons, pool, vectors_of)
        self._new.update(fresh, (item_id for item_id in unseen.gone if resumed or item_id in self.lessons))
        for item_id in changes.gone:
            self.lessons.pop(item_id, None)
        self.lessons.update(lessons)
        self._note_guesses(pool, fresh)
        self._change, self.stirred = changes.upto, False
        return changes

    def due(self) -> bool:
        """Whether enough is new, and the last fit long enough ago."""
        every = self._config.refit_every or max(1, len(self.lessons) // NEW_SHARE)
        return self.answers and len(self._new) >= every and self._clock.monotonic() >= self._not_before

    def refit(self, pool: Pool, vectors_of: VectorsOf) -> bool:
        """Fits the head to all labels; whether there is a new one. Its revision is kept before it comes into force."""
        began = self._clock.monotonic()
        self._find_vectors(self.lessons, pool, vectors_of)
        examples = self.examples(self.lessons)
        start, gate = self._judged()
        fitted: Questions = ()
        if examples.labels:
            mean, scale = self._moments(pool, examples)
            fitted = ask.fit(self.task.kind, examples, mean, scale, start, self._config.head)
        if fitted:
            self._keep(fitted, gate, len(examples.labels))
            self.spread(pool)
            if self._trial_complete() or not self._trial.judges:
                self._trial = Trial(fitted)
        self._new.clear()
        took = self._clock.monotonic() - began
        self._not_before = began + max(self._config.refit_interval_s, took / self._config.refit_share)
        return bool(fitted)

    def spread(self, pool: Pool) -> None:
        """Spreads the labels over the neighbour graph, for predictions."""
        if self._config.propagation and self.task.kind == CLASS and self.questions:
            labels = {
                item_id: (lesson.label.labels[0], lesson.label.trust)
                for item_id, lesson in self.lessons.items()
                if lesson.vector is not None and lesson.label.labels
            }
            self._spread.refresh(pool, labels, self.questions[0].head.classes)

    def predictions(self, pool: Pool, slots: NDArray[np.intp]) -> tuple[tuple[str, ...], NDArray[np.float64]]:
        """Labels and how probable each is: of head and graph while the graph has been right, else of the head."""
        labels, p = ask.probabilities(self.questions, pool.vectors[slots])
        mixed = self._spread.mixed(pool, slots, labels, p) if self._gate.opened else p
        return labels, np.asarray(mixed, dtype=np.float64)

    def examples(self, item_ids: Iterable[str]) -> Examples:
        """Those of the items that have a label and a vector."""
        found = [lesson for one in item_ids if (lesson := self.lessons.get(one)) is not None and _usable(lesson)]
        found = [lesson for lesson in found if lesson.label.labels or self.task.kind != CLASS]
        vectors = [lesson.vector for lesson in found if lesson.vector is not None]
        trust = np.array([lesson.label.trust for lesson in found])
        return Examples(np.array(vectors, dtype=np.float32), tuple(lesson.label.labels for lesson in found), trust)

    def _knows(self, label: SettledLabel) -> bool:
        known = self.lessons.get(label.item_id)
        return known is not None and (known.label.version, known.label.labels) == (label.version, label.labels)

    def _read(self, since: int) -> Changes:
        return self._labels.changes(self.task.name, self.task.tenant, since)

    def _find_vectors(self, lessons: Mapping[str, Lesson], pool: Pool, vectors_of: VectorsOf) -> None:
        missing = {item_id: lesson for item_id, lesson in lessons.items() if lesson.vector is None}
        for item_id, lesson in missing.items():
            slot = pool.slot(item_id)
            if slot is not None and pool.versions[slot] == lesson.label.version:
                lesson.vector = pool.vectors[slot].copy()
        wanted = [item_id for item_id, lesson in missing.items() if lesson.vector is None]
        for item_id, (version, vector) in vectors_of(wanted).items():
            if version == missing[item_id].label.version:
                missing[item_id].vector = vector

    def _note_guesses(self, pool: Pool, item_ids: Sequence[str]) -> None:
        """Before the refit, while these labels are new to everybody."""
        usable = [one for one in item_ids if self._trial.judges and one in self.lessons and _usable(self.lessons[one])]
        self._trial.items += usable
        here = [one for one in usable if self.lessons[one].label.labels and pool.slot(one) is not None]
        if not here or not self.questions or self.task.kind != CLASS:
            return
        slots = pool.slots_of(here)
        labels, p = ask.probabilities(self.questions, pool.vectors[slots])
        mixed = self._spread.mixed(pool, slots, labels, p)
        for item_id, head, mixture in zip(here, p.argmax(axis=1), mixed.argmax(axis=1), strict=True):
            truth = self.lessons[item_id].label.labels[0]
            self._trial.guesses.append(Guess(item_id, truth, labels[head], labels[mixture]))

    def _trial_complete(self) -> bool:
        return bool(self._trial.judges) and len(self._trial.items) >= self._config.trial_labels

    def _judged(self) -> tuple[Questions, Gate]:
        """The head in force and the gate, as a trial that is complete says they should be."""
        if not self._trial_complete():
            return self.questions, self._gate
        unseen = self.examples(dict.fromkeys(self._trial.items))
        judged, gate = self.questions, self._gate
        if len(unseen.labels):
            temperatures = ask.tempered(self._trial.judges, unseen, self._config.head)
            judged = ask.with_temperatures(self.questions, temperatures)
        if self.task.kind == CLASS:
            every = (lesson.label.labels[0] for lesson in self.lessons.values() if lesson.label.labels)
            gate = self._trial.verdict(gate, self.questions[0].head.classes, every)
        logger.info("head_tried", task=self.task.name, labels=len(unseen.labels), accuracy=self._trial.accuracy())
        return judged, gate

    def _moments(self, pool: Pool, examples: Examples) -> tuple[NDArray[np.float64], float]:
        """Of everything known, labelled or not: they follow the pool while it grows."""
        slots = pool.all_slots()
        return pool_moments(pool.vectors[slots] if len(slots) > len(examples.labels) else examples.vectors)

    def _keep(self, fitted: Questions, gate: Gate, labels: int) -> None:
        revision = max(self.revision + 1, labels)
        created_at_ms = int(self._clock.time() * 1000)
        name, tenant = self.task.name, self.task.tenant
        self._heads.put(
            StoredHead(
                tenant,
                name,
                self._model_version,
                revision,
                fitted,
                labels,
                self._change,
                gate.score,
                created_at_ms,
            )
        )
        self.questions, self.revision, self._gate, self._fitted_change = fitted, revision, gate, self._change
        logger.info("head_fitted", task=name, tenant=tenant, revision=revision, labels=labels, gate=gate.score)

    def _resume(self) -> None:
        """Takes up the head that was kept last."""
        try:
            kept = self._heads.latest(self.task.tenant, self.task.name, self._model_version)
        except BadRecord as damaged:
            logger.warning("head_unreadable", task=self.task.name, tenant=self.task.tenant, reason=str(damaged))
            return
        if kept is not None:
            self.questions, self.revision, self._gate = kept.questions, kept.revision, Gate(kept.gate)
            self._fitted_change = kept.change
            self._trial = Trial(kept.questions)


def _usable(lesson: Lesson) -> bool:
    return lesson.vector is not None
