"""From a query to a list of items: which rankings to ask for, how they fuse, and each item once.

Every adapter searches this way; it only says how its engine ranks and how it fetches what was found. Ranks are fused by
weighted reciprocal ranks (Cormack, Clarke and Büttcher, SIGIR 2009) here rather than in the engine, whose weights
stretch ranks: there a ranking of weight 0.01 still counts a third of one of weight 1.
"""

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from models.vector_index.config import VectorIndexConfig
from models.vector_index.keywords import SparseNumbers, query_weights
from models.vector_index.points import WORDS, AnyOf, Reach, candidate_of, conditions, space_of
from models.vector_index.port import Candidate, IndexQuery

MAX_DEPTH = 10_000
"""Points of a ranking that are looked at; enough for k items of a hundred parts each."""

Id = TypeVar("Id", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Asked:
    """A ranking to ask the engine for."""

    weight: float
    using: str
    """Name of the vector: a space, or WORDS."""
    vector: list[float] | SparseNumbers
    within: list[AnyOf]
    """Conditions that points must fulfil."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What lies at a point: its payload and, where asked for, its vector."""

    payload: Mapping[str, Any]
    vector: NDArray[np.float32] | None = None


Ranking = Sequence[tuple[str, float]]
"""Points and scores of one measure, best first."""
Rank = Callable[[Sequence[Asked], int], Sequence[Ranking]]
"""The rankings asked for, in order, each as deep as told or as long as there are points."""
Fetch = Callable[[Sequence[str]], Mapping[str, Fetched]]
"""What lies at points; those that were withdrawn or replaced by now may be missing."""


def found(
    query: IndexQuery, spaces: Collection[str], config: VectorIndexConfig, rank: Rank, fetch: Fetch
) -> list[Candidate]:
    """The best items; looks deeper while parts of the same items fill the rankings."""
    asked = rankings_of(query, spaces)
    depth = max(config.candidates, 4 * query.limit)
    while asked:
        rankings = rank(asked, depth)
        items = _items(_scores(asked, rankings, config.rank_constant), fetch, query.limit)
        exhausted = all(len(ranking) < depth for ranking in rankings)
        if len(items) == query.limit or exhausted or depth >= MAX_DEPTH:
            return items
        depth = min(4 * depth, MAX_DEPTH)
    return []


def rankings_of(query: IndexQuery, spaces: Collection[str]) -> list[Asked]:
    """What a query asks of the engine: by meaning, by words, or both; nothing of a space that does not exist yet."""
    asked = []
    space = space_of(query.model_version)
    if query.vector is not None and query.vector_weight > 0 and space in spaces:
        within = conditions(query.tenant, Reach.MEANING, query.filters)
        asked.append(Asked(query.vector_weight, space, query.vector.tolist(), within))
    words = query_weights(query.text or "")
    if words[0] and query.keyword_weight > 0:
        within = conditions(query.tenant, Reach.WORDS, query.filters)
        asked.append(Asked(query.keyword_weight, WORDS, words, within))
    return asked


def fused(rankings: Iterable[tuple[float, Sequence[Id]]], rank_constant: int) -> dict[Id, float]:
    """Score by id, best first, of (weight, ids best first); equal scores keep the order of first appearance."""
    scores: dict[Id, float] = {}
    for weight, ids in rankings:
        for rank, one in enumerate(ids, start=1):
            scores[one] = scores.get(one, 0.0) + weight / (rank_constant + rank)
    return dict(sorted(scores.items(), key=lambda scored: -scored[1]))


def _scores(asked: Sequence[Asked], rankings: Sequence[Ranking], rank_constant: int) -> Mapping[str, float]:
    """Fused ranks; a single ranking keeps the scores of its own measure."""
    if len(rankings) == 1:
        return dict(rankings[0])
    weighted = zip(asked, rankings, strict=True)
    return fused([(one.weight, [point for point, _ in ranking]) for one, ranking in weighted], rank_constant)


def _items(scores: Mapping[str, float], fetch: Fetch, limit: int) -> list[Candidate]:
    """The first `limit` items in the order of their best points, fetching no more points than needed."""
    items: dict[str, Candidate] = {}
    ids = list(scores)
    for start in range(0, len(ids), 2 * limit):
        wanted = ids[start : start + 2 * limit]
        fetched = fetch(wanted)
        for point in wanted:
            if point not in fetched or not fetched[point].payload.get("reach"):
                continue
            item = candidate_of(fetched[point].payload, scores[point], fetched[point].vector)
            items.setdefault(item.item_id, item)
            if len(items) == limit:
                return list(items.values())
    return list(items.values())
