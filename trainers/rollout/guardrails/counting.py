"""The counts of one rollout: searches and clicks come in, and a reason to go back comes out, or none.

Every search is counted once, for the model that chance gave it to. Clicks are decided for all answers at the same age
and in their order: one that counted as soon as it came would make quick clicks look like many.
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import NamedTuple, TypeVar
from uuid import UUID

from pydantic import JsonValue

from schemas.searches import FeedbackGiven, SearchServed
from trainers.rollout.guardrails.config import GuardrailsConfig
from trainers.rollout.guardrails.harm import Harm, Side, harmed_at_once, is_liked, stands_in
from trainers.rollout.guardrails.sequential import Evidence, Tally
from trainers.rollout.guardrails.slowness import Latencies

T = TypeVar("T")


class _Waiting(NamedTuple):
    """A search that is not fully counted yet."""

    search: SearchServed
    side: Side
    since_s: float


class Counts:
    """Evidence by kind of harm. One thread."""

    def __init__(self, config: GuardrailsConfig, latencies: Latencies) -> None:
        self.evidence: dict[Harm, Evidence] = {harm: Evidence() for harm in Harm}
        self.slow_ms: float | None = None
        """Set once, before a search is judged by it."""
        self.reason: str | None = None
        """Why the new model must go, since the moment at which that was sure."""
        self._config = config
        self._latencies = latencies
        self._fresh: OrderedDict[UUID, _Waiting] = OrderedDict()
        self._shown: OrderedDict[UUID, _Waiting] = OrderedDict()
        self._liked: OrderedDict[UUID, str] = OrderedDict()
        self._seen: OrderedDict[UUID, bool] = OrderedDict()

    def served(self, search: SearchServed, side: Side, now_s: float) -> None:
        """A search was given to one of both models; a redelivery changes nothing.

        `now_s` only rises, here and in `decide`: what came first is decided first, whatever a server's clock says.
        """
        if search.event_id not in self._seen:
            self._remember(self._seen, search.event_id, True)
            self._remember(self._fresh, search.event_id, _Waiting(search, side, now_s))

    def liked(self, feedback: FeedbackGiven) -> None:
        """Somebody reacted to an answer; both may be read in any order."""
        if is_liked(feedback):
            self._remember(self._liked, feedback.impression_id, feedback.tenant)

    def decide(self, now_s: float) -> None:
        """Counts what is old enough."""
        for waiting in _older(self._fresh, now_s - self._config.stand_in_s):
            if not stands_in(waiting.search, self._seen):
                self._judge(waiting)
                self._remember(self._shown, waiting.search.event_id, waiting)
        for search, side, _ in _older(self._shown, now_s - self._config.click_wait_s):
            self._count(Harm.UNCLICKED, side, self._liked.pop(search.event_id, None) != search.tenant)

    def written(self) -> dict[str, JsonValue]:
        """As it is kept in the rollout."""
        kept: dict[str, JsonValue] = {harm.value: _written(found) for harm, found in self.evidence.items()}
        return kept | {"slow_ms": self.slow_ms}

    def read(self, kept: JsonValue) -> None:
        """Goes on from what was written down."""
        if not isinstance(kept, Mapping):
            return
        for harm in Harm:
            if isinstance(row := kept.get(harm.value), list):
                self.evidence[harm] = _read(row)
        if isinstance(slow_ms := kept.get("slow_ms"), int | float):
            self.slow_ms = float(slow_ms)

    def _judge(self, waiting: _Waiting) -> None:
        search, side, _ = waiting
        if self.slow_ms is None:
            self.slow_ms = self._latencies.bound_ms()
            if not side.of_new:
                self._latencies.add(search)
        for harm, harmed in harmed_at_once(search, self.slow_ms).items():
            self._count(harm, side, harmed)

    def _count(self, harm: Harm, side: Side, harmed: bool) -> None:
        found = self.evidence[harm] = self.evidence[harm].after(side.of_new, harmed, side.share)
        alpha = self._config.alpha / len(Harm)
        if self.reason is None and found.speaks(alpha, self._config.tolerance):
            self.reason = _reason(harm, found, alpha)

    def _remember(self, where: OrderedDict[UUID, T], key: UUID, what: T) -> None:
        where[key] = what
        if len(where) > self._config.max_waiting:
            where.popitem(last=False)


def searches_of_new(kept: JsonValue) -> int:
    """How many searches chance gave to the new model, by what was written down."""
    row = kept.get(Harm.FAILED.value) if isinstance(kept, Mapping) else None
    return _read(row).new.searches if isinstance(row, list) else 0


def _older(where: OrderedDict[UUID, _Waiting], than_s: float) -> list[_Waiting]:
    """Takes out what has waited since then or longer; they are in the order in which they came."""
    found = []
    while where and next(iter(where.values())).since_s <= than_s:
        found.append(where.popitem(last=False)[1])
    return found


def _reason(harm: Harm, found: Evidence, alpha: float) -> str:
    new, old = found.new, found.old
    return (
        f"{harm.words}: {new.rate:.1%} of {new.searches} searches with the new model, {old.rate:.1%} of {old.searches} "
        f"with the old one (e-value 10^{found.log_e / 2.302585:.1f}, and {1 / alpha:.0f} is enough)"
    )


def _written(found: Evidence) -> JsonValue:
    return [found.new.searches, found.new.harmed, found.old.searches, found.old.harmed, found.log_e]


def _read(row: list[JsonValue]) -> Evidence:
    numbers = [number if isinstance(number, int | float) else 0 for number in row]
    new, new_harmed, old, old_harmed = (int(number) for number in numbers[:4])
    return Evidence(Tally(new, new_harmed), Tally(old, old_harmed), float(numbers[4]))
