"""Where the items of a pool stand with one task: whether they are candidates, what was told of them, who is next."""

from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from consumers.scoring.pool.slots import Pool, Slots

Numbers = NDArray[np.float64]


class Standing:
    """By slot of the pool. Not shared between threads."""

    def __init__(self, capacity: int) -> None:
        self.member = np.zeros(capacity, dtype=bool)
        """The task is about items like this one."""
        self.closed = np.zeros(capacity, dtype=bool)
        """Labelled, or given up: no candidate."""
        self.told_u = np.full(capacity, np.nan)
        self.told_acquisition = np.full(capacity, np.nan)
        """As told last; not a number where nothing was told yet."""
        self._queue: deque[tuple[int, int]] = deque()

    def open_slots(self, pool: Pool) -> Slots:
        """The candidates."""
        return np.flatnonzero(self.member[: pool.used] & ~self.closed[: pool.used])

    def forget(self, slots: Slots) -> None:
        """These slots are another item's from now on, or nobody's."""
        self.member[slots] = self.closed[slots] = False
        self.told_u[slots] = self.told_acquisition[slots] = np.nan

    def note(self, slots: Slots, u: Numbers, acquisition: Numbers) -> None:
        self.told_u[slots], self.told_acquisition[slots] = u, acquisition

    def plan(self, pool: Pool, slots: Slots, u: Numbers, acquisition: Numbers, budget: int, worth: float) -> int:
        """Who is told again, given what all candidates score now; how many.

        First those of whom nothing was told yet, all of them. Then those whose margin moved most, the more uncertain
        first among equals, up to the budget; those that hardly changed not at all.
        """
        moved = np.abs(u - self.told_u[slots])
        never = np.isnan(moved)
        changed = np.maximum(moved, np.abs(acquisition - self.told_acquisition[slots])) > worth
        order = np.lexsort((-u, -np.where(never, np.inf, moved)))
        again = [at for at in order if changed[at]][:budget]
        chosen = slots[[*np.flatnonzero(never), *again]]
        self._queue = deque((int(slot), int(pool.arrived[slot])) for slot in chosen)
        return len(chosen)

    def upcoming(self, pool: Pool, count: int) -> list[int]:
        """The next of the plan that are still candidates. They stay in it until `done`."""
        valid = (slot for slot, arrived in self._queue if self._waits(pool, slot, arrived))
        return [slot for slot, _ in zip(valid, range(count), strict=False)]

    def done(self, slots: Sequence[int]) -> None:
        """Takes these, and what came before them in the plan, out of it."""
        last = slots[-1] if slots else None
        while self._queue:
            slot, _ = self._queue.popleft()
            if slot == last:
                return

    def _waits(self, pool: Pool, slot: int, arrived: int) -> bool:
        return bool(pool.arrived[slot] == arrived and self.member[slot] and not self.closed[slot])
