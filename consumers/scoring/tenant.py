"""One tenant's candidates and what is known of them, kept between micro-batches and rebuilt after a start.

State is taken from where it lies: vectors from the index, by a walk over it, what annotators see and what was told from
the candidates' table, labels from their store, heads from theirs. A version of an item that the index holds and no fact
has told of is taken up as well, so that a task that is new finds the items that were there before it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from consumers.scoring.candidates.arrivals import Vector, about, candidate_of, vector_of
from consumers.scoring.candidates.store import Candidate, CandidateStore, Signal
from consumers.scoring.candidates.walk import Walk
from consumers.scoring.config import ScoringConfig
from consumers.scoring.generations import Live
from consumers.scoring.learning.learner import Learner
from consumers.scoring.pool.exact import near_in_pool
from consumers.scoring.pool.nearness import Nearby, nearby
from consumers.scoring.pool.slots import Pool, Slots
from consumers.scoring.pool.standing import Standing
from consumers.scoring.scores import Telling, current, score
from models.labels.store import Changes
from models.vector_index.port import Held, VectorIndex
from schemas.annotations import ItemScored, LabelSettled, LabelUnsettled
from schemas.event import Event
from schemas.items import ItemEmbedded, Modality
from schemas.signals import ItemSignalMeasured

OPEN_AGAIN = frozenset({"withdrawn", "disagreement"})
"""Reasons for which an item without a label may be asked about again."""
VECTORS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Parts:
    """What scoring stands on."""

    index: VectorIndex
    candidates: CandidateStore
    config: ScoringConfig
    live: Live


class TenantScoring:
    """Scores one tenant's items for all of its tasks. Not shared between threads."""

    def __init__(self, tenant: str, learners: Sequence[Learner], parts: Parts) -> None:
        config = parts.config
        self._tenant, self._learners, self._parts, self._config = tenant, learners, parts, config
        self._model_version = parts.candidates.model_version
        self._pool = Pool(parts.live.dim, config.pool_items, config.neighbours)
        self._standings = {learner.task.name: Standing(config.pool_items) for learner in learners}
        self._unsent: list[ItemScored] = []
        self._walk = Walk(tenant, parts.index, parts.candidates, config.walk_items, self._held_wanted, self._take_up)

    # What facts tell

    def arrive(self, items: Sequence[ItemEmbedded]) -> list[list[ItemScored]]:
        """Scores of items that are new or changed, each item once, for each task that is about them."""
        facts: list[list[ItemScored]] = [[] for _ in items]
        taken = [(row, item, vector) for row, item in enumerate(items) if (vector := self._wanted(item)) is not None]
        if not taken:
            return facts
        found = [candidate_of(item) for _, item, _ in taken]
        slots = self._seated(found, [vector for _, _, vector in taken])
        near = self._nearby(slots)
        tellings = [
            Telling(slot, one, item, lying)
            for slot, one, (_, item, _), lying in zip(slots, found, taken, near, strict=True)
        ]
        row_of = {slot: row for slot, (row, _, _) in zip(slots, taken, strict=True)}
        for slot, fact in self._told(self._learners, tellings):
            facts[row_of[slot]].append(fact)
        return facts

    def withdraw(self, versions: Mapping[str, int]) -> None:
        """Items that must not be found any more, up to these versions."""
        self._parts.candidates.remove([(self._tenant, item_id, upto) for item_id, upto in versions.items()])
        slots = self._pool.slots_of(versions)
        gone = [slot for slot in slots if self._pool.versions[slot] <= versions[self._pool.ids[slot]]]
        self._leave(np.array(gone, dtype=np.intp))

    def settle(self, fact: LabelSettled | LabelUnsettled) -> None:
        """A label came or went: the head will hear of it, and the item is a candidate no more, or again."""
        for learner in self._learners:
            if learner.task.name == fact.task:
                learner.stirred = True
                slot = self._pool.slot(fact.item_id)
                if slot is not None and self._pool.versions[slot] == fact.version:
                    again = isinstance(fact, LabelUnsettled) and fact.reason in OPEN_AGAIN
                    self._standings[fact.task].closed[slot] = not again

    def measure(self, facts: Sequence[ItemSignalMeasured]) -> dict[str, list[ItemScored]]:
        """Notes feedback; by item the scores that it changed."""
        signals = [(fact, Signal(fact.signal, _ms(fact), fact.revision)) for fact in facts]
        self._parts.candidates.measured([(self._tenant, fact.item_id, signal) for fact, signal in signals])
        causes: dict[int, Event] = {}
        for fact, one in signals:
            slot = self._pool.slot(fact.item_id)
            if slot is not None and self._pool.measure(slot, one.value, one.at_ms, one.revision):
                causes[slot] = fact
        facts_of: dict[str, list[ItemScored]] = {}
        for learner in self._learners:
            for _, scored in self._tell_again(learner, self._changed(learner, [*causes]), causes):
                facts_of.setdefault(scored.item_id, []).append(scored)
        return facts_of

    # What time brings

    def tick(self) -> None:
        """Learns from new labels, and has a slice of the scores to tell that changed by that."""
        fitted = [learner for learner in self._learners if self._learnt(learner)]
        if not self._walk.done:
            self._walk.step(self._pool)
            fitted = self._walked() if self._walk.done else []
        for learner in fitted:
            self._plan(learner)
        self._slice()

    def to_tell(self) -> list[ItemScored]:
        """What ticks had to tell since this was last asked; kept until then, whatever fails meanwhile."""
        facts, self._unsent = self._unsent, []
        return facts

    def _walked(self) -> list[Learner]:
        for learner in self._learners:
            learner.spread(self._pool)
        return [*self._learners]

    def _learnt(self, learner: Learner) -> bool:
        if learner.stirred:
            self._close(learner, learner.follow(self._pool, self._vectors))
        return learner.due() and learner.refit(self._pool, self._vectors)

    def _close(self, learner: Learner, changes: Changes) -> None:
        """Labelled items are no candidates, but stay: labels spread from them."""
        standing = self._standings[learner.task.name]
        for label in changes.settled:
            slot = self._pool.slot(label.item_id)
            if slot is not None and self._pool.versions[slot] == label.version:
                standing.closed[slot] = self._pool.kept[slot] = True
        left = [one for one in changes.gone if not any(one in other.lessons for other in self._learners)]
        self._pool.kept[self._pool.slots_of(left)] = False

    def _plan(self, learner: Learner) -> None:
        standing = self._standings[learner.task.name]
        slots = standing.open_slots(self._pool)
        u, scores = current(learner, self._pool, slots, self._config.signal_weight)
        standing.plan(self._pool, slots, u, scores, self._config.rescore_budget, self._config.worth_telling)

    def _slice(self) -> None:
        left = self._config.rescore_slice
        for learner in self._learners:
            standing = self._standings[learner.task.name]
            slots = standing.upcoming(self._pool, left)
            self._unsent += [fact for _, fact in self._tell_again(learner, slots, {})]
            standing.done(slots)
            left -= len(slots)

    # Between pool, index and table

    def _take_up(self, found: Sequence[tuple[Candidate, Vector]]) -> None:
        """Items that were there before the start, with what was told of them."""
        slots = self._seated([one for one, _ in found], [vector for _, vector in found])
        for slot, (one, _) in zip(slots, found, strict=True):
            self._pool.measure(slot, one.signal.value, one.signal.at_ms, one.signal.revision)
            for task, told in one.told.items():
                if task in self._standings:
                    self._standings[task].note(np.array([slot]), np.array([told.u]), np.array([told.acquisition]))

    def _wanted(self, item: ItemEmbedded) -> Vector | None:
        """The vector of an item that some task is about, unless a newer version is known."""
        slot = self._pool.slot(item.item_id)
        if slot is not None and self._pool.versions[slot] > item.version:
            return None
        return vector_of(item, self._parts.live.dim) if self._about_any(item.modality, item.source) else None

    def _held_wanted(self, held: Held) -> bool:
        return self._about_any(held.modality, held.source)

    def _about_any(self, modality: Modality, source: str) -> bool:
        return any(about(learner.task, modality, source) for learner in self._learners)

    def _seated(self, found: Sequence[Candidate], vectors: Sequence[Vector]) -> list[int]:
        """Slots of candidates, each standing where its labels say."""
        self._leave(self._pool.crowded_out([one.item_id for one in found]))
        slots = []
        for one, vector in zip(found, vectors, strict=True):
            modality = one.shown.modality or Modality.TEXT
            slot = self._pool.put(one.item_id, one.version, modality, vector)
            for learner in self._learners:
                standing = self._standings[learner.task.name]
                standing.member[slot] = about(learner.task, modality, one.shown.source)
                standing.closed[slot] = learner.covers(one.item_id, one.version)
                self._pool.kept[slot] |= standing.closed[slot]
            slots.append(slot)
        return slots

    def _leave(self, slots: Slots) -> None:
        self._pool.remove_slots(slots)
        for standing in self._standings.values():
            standing.forget(slots)

    def _changed(self, learner: Learner, slots: list[int]) -> list[int]:
        """Candidates whose acquisition is another one than was told."""
        standing = self._standings[learner.task.name]
        ours = np.array([slot for slot in slots if standing.member[slot] and not standing.closed[slot]], dtype=np.intp)
        _, scores = current(learner, self._pool, ours, self._config.signal_weight)
        changed = ~(np.abs(scores - standing.told_acquisition[ours]) <= self._config.worth_telling)
        return [int(slot) for slot in ours[changed]]

    def _tell_again(
        self, learner: Learner, slots: Sequence[int], causes: Mapping[int, Event]
    ) -> list[tuple[int, ItemScored]]:
        """Scores of known items, with the neighbours that they have now."""
        ids = [self._pool.ids[slot] for slot in slots]
        known = self._parts.candidates.find(self._tenant, ids)
        there = [
            (slot, known[one])
            for slot, one in zip(slots, ids, strict=True)
            if one in known and known[one].version == self._pool.versions[slot]
        ]
        if not there:
            return []
        near = self._nearby([slot for slot, _ in there])
        tellings = [
            Telling(slot, one, causes.get(slot, one.brought_by), lying)
            for (slot, one), lying in zip(there, near, strict=True)
        ]
        return self._told([learner], tellings)

    def _told(self, learners: Sequence[Learner], tellings: Sequence[Telling]) -> list[tuple[int, ItemScored]]:
        """Facts about items for those tasks whose candidates they are; kept as told."""
        kept = {}
        for one in tellings:
            self._pool.link(one.slot, one.nearby)
            neighbours = tuple(zip(one.nearby.ids, one.nearby.distances, strict=True))
            kept[one.slot] = replace(one.candidate, neighbours=neighbours)
        facts: list[tuple[int, ItemScored]] = []
        notes: list[tuple[Standing, Slots, NDArray[np.float64], NDArray[np.float64]]] = []
        for learner in learners:
            standing = self._standings[learner.task.name]
            ours = [one for one in tellings if standing.member[one.slot] and not standing.closed[one.slot]]
            if not ours:
                continue
            scores = score(learner, self._pool, ours, self._parts.live, self._config.signal_weight)
            slots = np.array([one.slot for one in ours], dtype=np.intp)
            notes.append((standing, slots, scores.u, scores.acquisition))
            for one, fact, told in zip(ours, scores.facts, scores.told(learner.revision), strict=True):
                kept[one.slot] = replace(kept[one.slot], told=kept[one.slot].told | {learner.task.name: told})
                facts.append((one.slot, fact))
        self._parts.candidates.put([*kept.values()])
        for standing, slots, u, scored in notes:
            standing.note(slots, u, scored)
        return facts

    def _nearby(self, slots: Sequence[int]) -> list[Nearby]:
        pool, places, count = self._pool, np.array(slots, dtype=np.intp), self._config.neighbours
        if self._walk.done and self._config.neighbours_from == "pool":
            return near_in_pool(pool, places, count)
        ids, modalities = [pool.ids[slot] for slot in slots], [pool.modality(slot) for slot in slots]
        index, model_version = self._parts.index, self._model_version
        return nearby(index, self._tenant, model_version, modalities, ids, pool.vectors[places], count)

    def _vectors(self, item_ids: Sequence[str]) -> dict[str, tuple[int, Vector]]:
        found: dict[str, tuple[int, Vector]] = {}
        for start in range(0, len(item_ids), VECTORS_AT_ONCE):
            some = item_ids[start : start + VECTORS_AT_ONCE]
            found |= self._parts.index.vectors(self._tenant, self._model_version, some)
        return found


def _ms(fact: ItemSignalMeasured) -> int:
    return int(fact.window_start.timestamp() * 1000)
