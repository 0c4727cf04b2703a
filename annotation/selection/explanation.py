"""Why an item was or was not asked about, in words. Reads what the stage keeps; changes nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine

from annotation.selection.config import SelectionConfig, StrategyName
from annotation.selection.memory import Memory
from annotation.selection.pool import TaskPool
from annotation.selection.rounds import order_of_choice
from annotation.selection.rules.budget import QuotaCount, Spent, period_of
from annotation.selection.store import requests
from annotation.selection.store.requests import Made
from annotation.tasks import TaskConfig
from schemas.annotations import Arm

LOOKED_AHEAD = 1_000
"""Picks ahead that an item's place in line is looked for."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What became of an item in one task. `because` gives the reasons, the deciding one first."""

    tenant: str
    task: str
    item_id: str
    outcome: str
    """`asked`, `waiting`, `passed_over` or `unknown`."""
    because: tuple[str, ...]
    scores: dict[str, object]
    """Acquisition and its parts, as last scored."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a task stands."""

    tenant: str
    task: str
    strategy: StrategyName
    fallback: str
    """Why it is not the one that was set; empty if it is."""
    model_version: str | None
    candidates: int
    reserve: int
    """Of them, kept for the random arm."""
    open: int
    asked: int
    asked_at_random: int
    budget_left: int
    """Of this period."""


def standing(
    engine: Engine, pool: TaskPool, config: SelectionConfig, strategy: tuple[StrategyName, str], now_s: float
) -> Standing:
    """How a task stands now."""
    spent = _spent(engine, pool, config, now_s)
    return Standing(
        tenant=pool.tenant,
        task=pool.task,
        strategy=strategy[0],
        fallback=strategy[1],
        model_version=pool.model_version,
        candidates=len(pool.candidates),
        reserve=len(pool.reserve),
        open=spent.open,
        asked=spent.ever,
        asked_at_random=spent.ever_at_random,
        budget_left=max(config.budget - spent.in_period, 0),
    )


def explain(
    engine: Engine, pool: TaskPool, config: SelectionConfig, strategy: StrategyName, item_id: str, now_s: float
) -> Explanation:
    """What became of an item in the task of a pool."""
    pool.measure()
    with engine.connect() as connection:
        made = requests.about(connection, pool.tenant, pool.task, item_id)
    asked = pool.asked.get(item_id)
    if made and asked is not None and not pool.may_be_asked(item_id, now_s):
        outcome, because = "asked", [_said(one) for one in reversed(made)]
    elif item_id not in pool.candidates:
        outcome, because = "unknown", ["it has not been scored for this task, or was withdrawn; see `millrace replay`"]
    elif reasons := list(_hindrances(engine, pool, config, item_id, now_s)):
        outcome, because = "passed_over", reasons
    else:
        outcome, because = "waiting", [_place(pool, config, strategy, item_id, now_s)]
    return Explanation(pool.tenant, pool.task, item_id, outcome, tuple(because), _scores(pool, item_id))


def pools_of(engine: Engine, tasks: Sequence[TaskConfig], config: SelectionConfig) -> list[TaskPool]:
    """The pools as the database has them."""
    return list(Memory(engine, tasks, config).pools())


def _hindrances(engine: Engine, pool: TaskPool, config: SelectionConfig, item_id: str, now_s: float) -> Iterator[str]:
    reserved = item_id in pool.reserve
    if twin := pool.near_duplicate_of(item_id, (Arm.RANDOM,) if reserved else tuple(Arm)):
        yield f"it is a near-duplicate of {twin}, which was asked about"
    if any(pool.is_asked(copy) for copy in pool.graph.copies(item_id)):
        yield "an exact copy of it was asked about"
    spent = _spent(engine, pool, config, now_s)
    if spent.in_period >= config.budget:
        yield f"the budget of this period, {config.budget} requests, is spent"
    quotas = QuotaCount(config.quotas, config.budget, spent.active_by_trait)
    if not reserved and (quota := quotas.broken_by(pool.candidates[item_id].traits)):
        yield f"the quota of {quota.share:.0%} for {quota.trait.value} {quota.value} is spent in this period"


def _place(pool: TaskPool, config: SelectionConfig, strategy: StrategyName, item_id: str, now_s: float) -> str:
    if item_id in pool.reserve:
        line = sorted((one for one in pool.reserve if pool.may_be_asked(one, now_s)), key=pool.number_of)
        number = pool.number_of(item_id)
        return (
            f"kept for the random arm: its lot {number:.4f} is number {line.index(item_id) + 1} of {len(line)} in line"
        )
    order = order_of_choice(pool, LOOKED_AHEAD, strategy, config, now_s)
    if item_id in order:
        return f"with what is known now {strategy} would pick it as number {order.index(item_id) + 1}"
    return f"with what is known now {strategy} would not pick it among the next {len(order)}"


def _spent(engine: Engine, pool: TaskPool, config: SelectionConfig, now_s: float) -> Spent:
    with engine.connect() as connection:
        return requests.spent(connection, pool.tenant, pool.task, period_of(now_s, config.period_s))


def _said(made: Made) -> str:
    when = datetime.fromtimestamp(made.requested_at_ms / 1000, UTC).isoformat(timespec="seconds")
    return f"asked {when} in the {made.arm} arm by {made.strategy}, version {made.version}: {made.reason}; {made.state}"


def _scores(pool: TaskPool, item_id: str) -> dict[str, object]:
    if (candidate := pool.candidates.get(item_id)) is None:
        return {}
    return {
        "acquisition": candidate.acquisition,
        "uncertainty": candidate.uncertainty.model_dump(),
        "feedback_signal": candidate.signal,
        "neighbours": len(candidate.neighbours),
        "model_version": candidate.model_version,
        "labels_seen_by_head": candidate.head,
    }
