"""From items and a head to the facts that are told about them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consumers.scoring.acquisition import acquisition
from consumers.scoring.candidates.store import Candidate, Told
from consumers.scoring.generations import Live
from consumers.scoring.learning.learner import Learner
from consumers.scoring.learning.questions import Unsure, margins, unsure
from consumers.scoring.pool.nearness import Nearby
from consumers.scoring.pool.slots import Pool, Slots
from schemas.annotations import ItemScored, Shown
from schemas.event import Event

PREDICTED = 5
"""Classes that annotators are shown, the most probable first."""
AT_ONCE = 8_192
"""Vectors in one product, so that memory stays flat."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Telling:
    """An item of which something is to be told, and why now."""

    slot: int
    candidate: Candidate
    cause: Event
    nearby: Nearby


@dataclass(frozen=True, slots=True)
class Scores:
    """What is told about some items for one task."""

    facts: list[ItemScored]
    u: Numbers
    acquisition: Numbers

    def told(self, head: int) -> list[Told]:
        return [Told(head, float(u), float(score)) for u, score in zip(self.u, self.acquisition, strict=True)]


def current(learner: Learner, pool: Pool, slots: Slots, signal_weight: float) -> tuple[Numbers, Numbers]:
    """u and acquisition of items as the head in force sees them, with the density that was measured last."""
    u = np.ones(len(slots))
    if learner.questions:
        for start in range(0, len(slots), AT_ONCE):
            some = slots[start : start + AT_ONCE]
            u[start : start + AT_ONCE] = margins(learner.questions, pool.vectors[some])
    return u, acquisition(u, pool.densities[slots], pool.signals[slots], signal_weight)


def score(learner: Learner, pool: Pool, tellings: Sequence[Telling], live: Live, signal_weight: float) -> Scores:
    """The facts about these items, under ids that follow from their causes, the task and the head."""
    slots = np.array([one.slot for one in tellings], dtype=np.intp)
    measures = unsure(learner.questions, pool.vectors[slots]) if learner.questions else None
    u = measures.margin if measures else np.ones(len(slots))
    scores = acquisition(u, pool.densities[slots], pool.signals[slots], signal_weight)
    predicted = _predicted(learner, pool, slots)
    facts = [
        ItemScored.following(
            one.cause,
            part=f"{learner.task.name}/{live.model_version}/{live.generation}/{learner.revision}",
            **_shown(one.candidate.shown),
            tenant=one.candidate.tenant,
            item_id=one.candidate.item_id,
            version=one.candidate.version,
            task=learner.task.name,
            model_version=live.model_version,
            generation=live.generation,
            uncertainty=_uncertainty(measures, row),
            density=float(pool.densities[one.slot]),
            feedback_signal=float(pool.signals[one.slot]),
            acquisition=float(scores[row]),
            head=learner.revision,
            neighbours=_neighbours(one.nearby),
            predicted=predicted[row],
        )
        for row, one in enumerate(tellings)
    ]
    return Scores(facts, u, scores)


def _shown(shown: Shown) -> Mapping[str, object]:
    return {name: getattr(shown, name) for name in Shown.model_fields if name != "predicted"}


def _uncertainty(measures: Unsure | None, row: int) -> dict[str, float]:
    """Empty where it was not computed. Plain values, as the fact checks them when it is made."""
    if measures is None:
        return {}
    return {
        "least_confidence": float(measures.least_confidence[row]),
        "margin": float(measures.margin[row]),
        "entropy": float(measures.entropy[row]),
        "disagreement": float(measures.disagreement[row]),
    }


def _neighbours(nearby: Nearby) -> list[dict[str, object]]:
    return [{"item_id": one, "distance": distance} for one, distance in zip(nearby.ids, nearby.distances, strict=True)]


def _predicted(learner: Learner, pool: Pool, slots: Slots) -> list[list[dict[str, object]]]:
    if not learner.questions:
        return [[]] * len(slots)
    labels, p = learner.predictions(pool, slots)
    best = np.argsort(-p, axis=1, kind="stable")[:, :PREDICTED]
    return [
        [{"label": labels[at], "probability": min(one, 1.0)} for at, one in zip(places, likely, strict=True)]
        for places, likely in zip(best.tolist(), np.take_along_axis(p, best, axis=1).tolist(), strict=True)
    ]
