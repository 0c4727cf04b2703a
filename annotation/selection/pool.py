"""The candidates of one task and their neighbour graph, in memory: what a round chooses from.

Labelled items stay in the graph, because a label covers its neighbours. The pool belongs to one encoder version: with
the first score of a later generation's it begins anew, and scores of the old one that are still on their way change
nothing. A rollback is a later generation too.
"""

import heapq
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from statistics import median

from annotation.selection.config import SelectionConfig, Trait
from annotation.selection.rules.witness import drawn, reserved
from models.neighbours.graph import NeighbourGraph
from schemas.annotations import Arm, Uncertainty

SEVENTH = 6
"""The neighbour whose distance tells how dense a place is, as in the graph."""
MEASURED = 5_000
"""Candidates that the usual distance is taken from."""
SLACK = 1.05
"""The pool is cut back when it is this much too large, so that cutting is rare."""


class State(StrEnum):
    """What became of a request."""

    OPEN = "open"
    ANSWERED = "answered"
    LABELLED = "labelled"
    SKIPPED = "skipped"
    GONE = "gone"
    """The item was withdrawn."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The latest request about an item."""

    version: int
    attempt: int
    arm: Arm
    state: State
    state_at_s: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """An item as it was last scored. What annotators see of it stays in the store."""

    item_id: str
    version: int
    model_version: str
    generation: int
    """Release generation whose model scored."""
    head: int
    uncertainty: Uncertainty
    acquisition: float
    signal: float
    classes: tuple[str, ...]
    """The most probable, the first being the likeliest; empty before the first head."""
    chances: tuple[float, ...]
    """Their probabilities."""
    traits: Mapping[Trait, str | None]
    neighbours: tuple[tuple[str, float], ...]
    """Items and squared distances, nearest first."""


class TaskPool:
    """One task's candidates. Not shared between threads."""

    def __init__(self, tenant: str, task: str, config: SelectionConfig) -> None:
        self.tenant, self.task = tenant, task
        self.model_version: str | None = None
        self.generation = 0
        self._retired: set[str] = set()
        self.candidates: dict[str, Candidate] = {}
        self.asked: dict[str, Asked] = {}
        self.graph = NeighbourGraph()
        self.reserve: set[str] = set()
        """Candidates that are kept for the random arm."""
        self._config = config
        self._near: defaultdict[str, dict[str, float]] = defaultdict(dict)
        self._near_d2 = 2 * (1 - config.near_duplicate)
        self._usual_d2 = float("inf")

    def put(self, candidate: Candidate) -> bool:
        """Takes a score in; says whether it counted."""
        if self._bygone(candidate):
            return False
        if self.model_version not in (None, candidate.model_version):
            self._begin_anew()
        self.model_version = candidate.model_version
        self.generation = max(self.generation, candidate.generation)
        known = self.candidates.get(candidate.item_id)
        if known and (known.version, known.head) > (candidate.version, candidate.head):
            return False
        self._forget_neighbours(candidate.item_id)
        self.candidates[candidate.item_id] = candidate
        if reserved(self.number_of(candidate.item_id), self._config.random_share):
            self.reserve.add(candidate.item_id)
        self.graph.replace(candidate.item_id, candidate.neighbours)
        self._remember_neighbours(candidate)
        return True

    def remove(self, item_id: str, version: int) -> bool:
        """Takes an item out that was withdrawn up to a version; says whether it was there."""
        known = self.candidates.get(item_id)
        if known is None or known.version > version:
            return False
        self._drop(item_id)
        return True

    def number_of(self, item_id: str) -> float:
        """The lot that the item drew."""
        return drawn(self._config.seed, self.tenant, self.task, item_id)

    def may_be_asked(self, item_id: str, now_s: float) -> bool:
        """Whether nobody was asked about this version, or a skip has cooled down."""
        asked, candidate = self.asked.get(item_id), self.candidates.get(item_id)
        if candidate is None:
            return False
        if asked is None or asked.version < candidate.version or asked.state is State.GONE:
            return True
        return asked.state is State.SKIPPED and now_s - asked.state_at_s >= self._config.cool_down_s

    def is_asked(self, item_id: str) -> bool:
        """Whether the label of this version is known or will be: it covers its neighbours."""
        asked, candidate = self.asked.get(item_id), self.candidates.get(item_id)
        if asked is None or candidate is None or asked.version < candidate.version:
            return False
        return asked.state in (State.OPEN, State.ANSWERED, State.LABELLED)

    def measure(self) -> None:
        """Learns how far apart neighbours usually are; before a round, as it changes slowly."""
        some = islice(self.candidates.values(), MEASURED)
        far = [one.neighbours[SEVENTH][1] for one in some if len(one.neighbours) > SEVENTH]
        self._usual_d2 = median(far) if far else float("inf")

    def near(self, item_id: str) -> set[str]:
        """Items so near that they are the same question: by cosine, and by what is near in this space.

        Vectors of a tower that was not trained may all lie at a cosine of 0.98 without being alike.
        """
        limit = min(self._near_d2, self._config.near_share * self._usual_d2)
        return {other for other, d2 in self._near.get(item_id, {}).items() if d2 <= limit}

    def near_duplicate_of(self, item_id: str, arms: Collection[Arm]) -> str | None:
        """An item that is the same question and was asked about in one of these arms."""
        for other in sorted(self.near(item_id)):
            asked = self.asked.get(other)
            if asked is not None and asked.arm in arms and asked.state is not State.GONE:
                return other
        return None

    def trim(self) -> list[str]:
        """Lets go of the least of what nobody was asked about, once the pool is too large; what went."""
        if len(self.candidates) <= self._config.pool_size * SLACK:
            return []
        unasked = [item_id for item_id in self.candidates if item_id not in self.asked]
        excess = min(len(self.candidates) - self._config.pool_size, len(unasked))
        least = heapq.nsmallest(excess, unasked, key=self._worth)
        for item_id in least:
            self._drop(item_id)
        return least

    def _worth(self, item_id: str) -> float:
        """By which the pool keeps items. The reserve's worth is its lot alone, or scores would bias the random arm."""
        if item_id in self.reserve:
            return 1 - self.number_of(item_id) / self._config.random_share
        return self.candidates[item_id].acquisition

    def _bygone(self, candidate: Candidate) -> bool:
        """Whether it was scored by a model that this pool has left, of the same generation or of an earlier one."""
        if candidate.model_version == self.model_version or candidate.generation > self.generation:
            return False
        return candidate.generation < self.generation or candidate.model_version in self._retired

    def _begin_anew(self) -> None:
        assert self.model_version is not None
        self._retired.add(self.model_version)
        self.candidates.clear()
        self.reserve.clear()
        self._near.clear()
        self.graph = NeighbourGraph()

    def _drop(self, item_id: str) -> None:
        self.candidates.pop(item_id, None)
        self.reserve.discard(item_id)
        self.graph.remove(item_id)
        self._forget_neighbours(item_id)

    def _remember_neighbours(self, candidate: Candidate) -> None:
        for other, d2 in candidate.neighbours:
            if d2 <= self._near_d2 and other != candidate.item_id:
                self._near[candidate.item_id][other] = d2
                self._near[other][candidate.item_id] = d2

    def _forget_neighbours(self, item_id: str) -> None:
        for other in self._near.pop(item_id, {}):
            self._near[other].pop(item_id, None)
