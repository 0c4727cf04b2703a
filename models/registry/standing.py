"""What serves now, and what is on its way: the one look that embedding, search and rollout act on.

A standing is read in one statement, so a generation is never seen with the rollout of another one.
"""

import math
import threading
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, literal, select, true

from models.registry.records import Rollout, RolloutState
from models.registry.registry import Registry
from models.registry.stores.rollouts import rollout_of
from models.registry.tables import generations, rollouts
from streams.clock import Clock, SystemClock
from streams.errors import Unavailable


@dataclass(frozen=True, slots=True)
class Standing:
    """The live generation and the rollout under way."""

    generation: int
    model_version: str
    encoder_version: str
    rollout: Rollout | None = None

    @property
    def written(self) -> tuple[str, ...]:
        """The spaces that new items are written to: the live one, then the rollout's other one until it ends."""
        rollout = self._under_way
        both = (rollout.encoder_version, rollout.previous_encoder_version) if rollout else ()
        others = (space for space in both if space != self.encoder_version)
        return (self.encoder_version, *dict.fromkeys(others))

    @property
    def models(self) -> tuple[str, ...]:
        """The models that serve or may serve in a moment: the live one, then both sides of a rollout until it ends."""
        rollout = self._under_way
        both = (rollout.model_version, rollout.previous_version) if rollout else ()
        return tuple(dict.fromkeys((self.model_version, *both)))

    @property
    def candidate(self) -> str | None:
        """The space of a candidate that does not serve yet; None for a head, which needs no space of its own."""
        rollout = self._under_way
        if rollout is None or rollout.same_space or rollout.state is RolloutState.WATCHING:
            return None
        return rollout.encoder_version

    @property
    def previous(self) -> str | None:
        """The space that served before and is kept fresh while its successor is watched; None if it is the same."""
        rollout = self._under_way
        if rollout is None or rollout.same_space or rollout.state is not RolloutState.WATCHING:
            return None
        return rollout.previous_encoder_version

    @property
    def _under_way(self) -> Rollout | None:
        return None if self.rollout is None or self.rollout.state.ended else self.rollout


class Watch:
    """The standing as it is now, at the price of a look into memory. May be shared by threads.

    One thread at a time asks the database, and the others go by what was found last. While the database is away that
    holds for `stale_s`; after that nobody may act on it any more.
    """

    def __init__(
        self,
        registry: Registry,
        baseline: str,
        refresh_s: float = 0.25,
        clock: Clock | None = None,
        stale_s: float = 5.0,
    ) -> None:
        self._registry = registry
        self._baseline = baseline
        self._refresh_s = refresh_s
        self._clock = clock or SystemClock()
        self._stale_s = stale_s
        self._asking = threading.Lock()
        self._found: tuple[float, Standing] | None = None
        self._tried = -math.inf

    def current(self, stale_s: float | None = None) -> Standing:
        """What served at most a moment ago. Raises Unavailable if the database has been away for too long, which is
        `stale_s` where the caller says so.
        """
        bound_s = self._stale_s if stale_s is None else stale_s
        if (found := self._younger_than(self._refresh_s)) is not None:
            return found
        usable = self._younger_than(bound_s)
        if usable is None:
            self._take_turn()
        elif self._just_tried() or not self._asking.acquire(blocking=False):
            return usable
        try:
            return self._younger_than(self._refresh_s) or self._ask_in_turn()
        except Unavailable:
            if (usable := self._younger_than(bound_s)) is None:
                raise
            return usable
        finally:
            self._asking.release()

    def fresh(self) -> Standing:
        """What serves now, asked of the database. Raises Unavailable while it does not answer."""
        self._take_turn()
        try:
            return self._ask()
        finally:
            self._asking.release()

    def _take_turn(self) -> None:
        """A database that neither answers nor refuses holds up the one who asks it, and nobody else for long."""
        if not self._asking.acquire(timeout=self._stale_s):
            raise Unavailable("the metadata database has not answered for a while")

    def _ask_in_turn(self) -> Standing:
        """Asks, unless somebody before us was refused: a crowd does not wait for a dead database one by one."""
        if self._just_tried():
            raise Unavailable("the metadata database did not answer a moment ago")
        return self._ask()

    def _ask(self) -> Standing:
        asked_at = self._clock.monotonic()  # before the question: an answer is never older than it seems
        try:
            found = standing(self._registry, self._baseline)
        finally:
            self._tried = self._clock.monotonic()
        self._found = (asked_at, found)
        return found

    def _just_tried(self) -> bool:
        return self._clock.monotonic() - self._tried < self._refresh_s

    def _younger_than(self, age_s: float) -> Standing | None:
        found = self._found
        return found[1] if found is not None and self._clock.monotonic() - found[0] < age_s else None


def standing(registry: Registry, baseline: str) -> Standing:
    """What serves, asked in one statement; `baseline` is the version of the configured encoder."""
    with registry.engine.execution_options(reading=True).connect() as connection:
        row = connection.execute(_QUESTION).one()
    rollout = rollout_of(row) if row.rollout_id is not None else None
    if row.live_number is None:
        return Standing(0, baseline, baseline, rollout)
    return Standing(row.live_number, row.live_model, row.live_encoder, rollout)


def _question() -> Select[Any]:
    nothing = select(literal(1).label("one")).subquery()
    newest = select(
        generations.c.number.label("live_number"),
        generations.c.model_version.label("live_model"),
        generations.c.encoder_version.label("live_encoder"),
    )
    live = newest.order_by(generations.c.number.desc()).limit(1).subquery()
    way = select(rollouts).where(rollouts.c.under_way == 1).subquery()
    return select(live, way).select_from(nothing.outerjoin(live, true()).outerjoin(way, true()))


_QUESTION = _question()
