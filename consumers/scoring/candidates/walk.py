"""After a start: the items that were there before, a step at a time, so that what arrives need not wait.

Vectors come from the index, the rest from the candidates' table. First all items are taken up, then what lies near what
is noted, as a neighbour may be met late. An item that the table does not know, or knows in another version, is on its
way as a fact, or was there before the first task was about it: the index alone then says what is known.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from consumers.scoring.candidates.arrivals import Vector, candidate_from_index
from consumers.scoring.candidates.store import Candidate, CandidateStore
from consumers.scoring.pool.nearness import Nearby
from consumers.scoring.pool.slots import Pool
from models.vector_index.port import Held, VectorIndex

TakeUp = Callable[[Sequence[tuple[Candidate, Vector]]], None]


@dataclass(slots=True)
class Walk:
    """Over one tenant's items. `done` when all are in the pool, or the pool is full."""

    tenant: str
    index: VectorIndex
    candidates: CandidateStore
    items_a_step: int
    wanted: Callable[[Held], bool]
    take_up: TakeUp
    done: bool = False
    _after: str | None = None
    _to_link: list[str] | None = None

    def step(self, pool: Pool) -> None:
        if self._to_link is None:
            self._meet(pool)
            return
        some, self._to_link = self._to_link[: self.items_a_step], self._to_link[self.items_a_step :]
        for item_id, one in self.candidates.find(self.tenant, some).items():
            slot = pool.slot(item_id)
            if slot is not None and one.neighbours:
                pool.link(slot, Nearby(*zip(*one.neighbours, strict=True)))
        self.done = not self._to_link

    def _meet(self, pool: Pool) -> None:
        if room := min(self.items_a_step, pool.room):
            page = self.index.scroll(self.tenant, self.candidates.model_version, room, self._after)
            self.take_up(self._known([held for held in page.items if held.item_id not in pool and self.wanted(held)]))
            self._after = page.after
        if not room or self._after is None:
            self._to_link = [pool.ids[slot] for slot in pool.all_slots()]
            self.done = not self._to_link

    def _known(self, met: Sequence[Held]) -> list[tuple[Candidate, Vector]]:
        known = self.candidates.find(self.tenant, [held.item_id for held in met])
        fresh = {
            held.item_id: one
            for held in met
            if held.item_id not in known
            and (one := candidate_from_index(self.tenant, held, self.candidates.model_version)) is not None
        }
        self.candidates.put([*fresh.values()])
        both = known | fresh
        return [
            (both[held.item_id], held.vector)
            for held in met
            if held.item_id in both and both[held.item_id].version == held.version
        ]
