"""One round: which candidates are asked about now, and why. Pure but for the pool it is given.

The active arm is chosen by the strategy, under all rules. The random arm follows its lots; only a near-duplicate of an
item that was itself drawn is passed over. Quotas and the requests of the active arm do not touch it: whatever filtered
it by what the model thinks would make it a worse witness.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from annotation.selection.config import SelectionConfig, StrategyName
from annotation.selection.pool import Candidate, TaskPool
from annotation.selection.rules.budget import Allowance, QuotaCount, Spent
from annotation.selection.strategies.port import Pool
from annotation.selection.strategies.registry import STRATEGIES
from models.labels.accounts import Judgement, Verdicts
from schemas.annotations import Arm

FALLBACKS: tuple[StrategyName, ...] = ("margin", "random")
"""What selection falls back to, one after the other."""
MEASURES: dict[StrategyName, str] = {"entropy": "entropy", "least-confidence": "least_confidence"}
"""What strategies go by that do not go by the margin."""
UNKNOWN = 1.0
"""Uncertainty before there is a head."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """An item to ask about."""

    candidate: Candidate
    arm: Arm
    strategy: str
    reason: str


def behind_of(verdicts: Verdicts, tenant: str, task: str, model_version: str) -> list[str]:
    """The strategies that the account of labels saved found worse than random choice, beyond its interval."""
    newest = (verdicts.latest(tenant, task, model_version, name) for name in get_args(StrategyName))
    return [one.strategy for one in newest if one is not None and one.judgement is Judgement.BEHIND]


def strategy_in_force(wanted: StrategyName, behind: Collection[str]) -> tuple[StrategyName, str]:
    """The strategy to use when the account has found some `behind` random, and why it is not the wanted one."""
    if wanted not in behind:
        return wanted, ""
    instead: StrategyName = next((name for name in FALLBACKS if name != wanted and name not in behind), "random")
    return instead, f"{wanted} fell behind the random arm; {instead} instead"


def chosen_at_random(pool: TaskPool, count: int, now_s: float) -> list[Chosen]:
    """The reserve's next items by their lots."""
    due = (item_id for item_id in pool.reserve if pool.may_be_asked(item_id, now_s))
    picked: list[Chosen] = []
    taken: set[str] = set()
    for item_id in sorted(due, key=pool.number_of) if count else ():
        if len(picked) == count:
            break
        if pool.near_duplicate_of(item_id, [Arm.RANDOM]) or not taken.isdisjoint(pool.near(item_id)):
            continue
        taken.add(item_id)
        picked.append(Chosen(pool.candidates[item_id], Arm.RANDOM, "random", "drawn by lot"))
    return picked


def chosen_actively(
    pool: TaskPool, count: int, strategy: StrategyName, config: SelectionConfig, spent: Spent, seed: int, now_s: float
) -> list[Chosen]:
    """What the strategy picks among the items that are not kept for the random arm, under all rules."""
    if not count:
        return []
    rows, view = _view(pool, strategy, config, now_s)
    quotas = QuotaCount(config.quotas, config.budget, spent.active_by_trait)
    taken: set[str] = set()

    def allowed(row: int) -> bool:
        item_id = rows[row]
        assert item_id is not None, "only rows with an item that may be asked are eligible"
        if quotas.broken_by(pool.candidates[item_id].traits) or not taken.isdisjoint(pool.near(item_id)):
            return False
        if pool.near_duplicate_of(item_id, tuple(Arm)):
            return False
        quotas.take(pool.candidates[item_id].traits)
        taken.add(item_id)
        return True

    picks = STRATEGIES[strategy]().choose(view, count, seed, allowed)
    return [
        Chosen(pool.candidates[item_id], Arm.ACTIVE, strategy, pick.reason)
        for pick in picks
        if (item_id := rows[pick.row]) is not None
    ]


def order_of_choice(
    pool: TaskPool, count: int, strategy: StrategyName, config: SelectionConfig, now_s: float
) -> list[str]:
    """The items that the strategy would ask about one after the other, if no answer came and no budget ended."""
    free = config.model_copy(update={"quotas": ()})
    return [one.candidate.item_id for one in chosen_actively(pool, count, strategy, free, Spent(), 0, now_s)]


def choose(
    pool: TaskPool, allowance: Allowance, strategy: StrategyName, config: SelectionConfig, spent: Spent, now_s: float
) -> list[Chosen]:
    """The requests of one round, the two arms mixed evenly."""
    pool.measure()
    at_random = chosen_at_random(pool, allowance.random, now_s)
    actively = chosen_actively(pool, allowance.active, strategy, config, spent, spent.ever, now_s)
    return list(_mixed(actively, at_random))


def _view(
    pool: TaskPool, strategy: StrategyName, config: SelectionConfig, now_s: float
) -> tuple[Sequence[str | None], Pool]:
    """The pool as strategies see it: a row for each place of the graph, and the item of it that may be asked.

    Nearly all places hold one item that nobody was asked about, so only the others are looked at one by one.
    """
    keys, graph = pool.graph.csr()
    busy = pool.reserve | {item_id for item_id in pool.asked if not pool.may_be_asked(item_id, now_s)}
    shared = {pool.graph.representative(copy) for copy in pool.candidates.keys() - set(keys)}
    instead = {key: next((copy for copy in pool.graph.copies(key) if copy not in busy), None) for key in shared}
    rows = [instead[key] if key in shared else None if key in busy else key for key in keys]
    answered = {pool.graph.representative(item_id) for item_id in pool.asked if pool.is_asked(item_id)}
    covered = np.array([key in answered for key in keys], dtype=bool)
    eligible = np.array([row is not None for row in rows], dtype=bool)
    candidates = [pool.candidates[key] for key in keys]
    told = _told(candidates) if strategy == "graph-herding" else None  # the others go by the measure alone
    return rows, Pool(keys, graph, told, _unsure(candidates, strategy, config), None, covered, eligible)


def _told(candidates: Sequence[Candidate]) -> NDArray[np.float32] | None:
    """The probabilities that scores tell, a column for each class that any of them names; None before the first head.

    An item whose score is older than the first head may be anything.
    """
    names = sorted(set(chain.from_iterable(candidate.classes for candidate in candidates)))
    if not names:
        return None
    column = {name: at for at, name in enumerate(names)}
    counts = [len(candidate.classes) for candidate in candidates]
    rows = np.repeat(np.arange(len(candidates)), counts)
    columns = [column[name] for candidate in candidates for name in candidate.classes]
    told = np.zeros((len(candidates), len(names)), dtype=np.float32)
    told[rows, columns] = list(chain.from_iterable(candidate.chances for candidate in candidates))
    told[told.sum(axis=1) <= 0] = 1 / len(names)
    return told


def _unsure(candidates: Sequence[Candidate], strategy: StrategyName, config: SelectionConfig) -> NDArray[np.float64]:
    """How unsure the head is by the strategy's own measure, lifted by what searches and feedback say."""
    measure = attrgetter(f"uncertainty.{MEASURES.get(strategy, 'margin')}")
    found = (measure(candidate) for candidate in candidates)
    unsure = np.array([UNKNOWN if one is None else one for one in found], dtype=np.float64)
    signals = np.array([candidate.signal for candidate in candidates], dtype=np.float64)
    return 1 - (1 - unsure) * (1 - config.signal_weight * np.minimum(signals, 1.0))


def _mixed(actively: Sequence[Chosen], at_random: Sequence[Chosen]) -> Iterator[Chosen]:
    """All of both, each in its order, spread evenly."""
    placed = [
        ((at + 0.5) / len(arm), number, one)
        for number, arm in enumerate((actively, at_random))
        for at, one in enumerate(arm)
    ]
    yield from (one for _, _, one in sorted(placed, key=lambda each: each[:2]))
