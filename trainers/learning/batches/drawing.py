"""Which examples a step sees: places in the order of the global batch, from seed and step alone."""

from functools import lru_cache
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from trainers.learning.data.dataset import Dataset, Members
from trainers.recipes.recipe import Recipe

Places = NDArray[np.int64]

_STREAMS = ("fresh", "replay", "order", "partner", "picture", "triples", "kept")
"""Kinds of draws; each has numbers of its own."""


def numbers(seed: int, stream: str, kind: str, number: int) -> np.random.Generator:
    """The random numbers of one draw."""
    return np.random.default_rng([seed, _STREAMS.index(stream), *kind.encode(), number])


def places_of(dataset: Dataset, recipe: Recipe, kind: str, step: int) -> Places:
    """The examples of a kind in a step."""
    if kind in ("triples", "kept"):
        return endless(recipe.seed, kind, kind, dataset.size(kind), step * recipe.side_batch, recipe.side_batch)
    if kind == "classed":
        return with_partners(mixed(dataset, recipe, kind, step, -(-recipe.batch // 2)), dataset.members, recipe, step)
    return mixed(dataset, recipe, kind, step, recipe.batch)


def endless(seed: int, stream: str, kind: str, size: int, start: int, count: int) -> Places:
    """A stretch of all places in random order, then all of them in another, and so on."""
    reached = np.arange(start, start + count)
    found = np.empty(count, dtype=np.int64)
    for turn in range(start // size, (start + count - 1) // size + 1):
        own = reached // size == turn
        found[own] = _order(seed, stream, kind, turn, size)[reached[own] - turn * size]
    return found


def fresh_share(fresh: int, replayed: int, replay: float) -> float:
    """Share of new examples in a batch: more than theirs of all, by its root, and never above `1 - replay`.

    So ten new labels among thousands are seen often, but the towers do not learn them by heart.
    """
    if not fresh or not replayed:
        return float(bool(fresh))
    return min(1 - replay, sqrt(fresh / (fresh + replayed)))


def mixed(dataset: Dataset, recipe: Recipe, kind: str, step: int, count: int) -> Places:
    """New and replayed examples, shuffled, so that each rank and each part of a batch has its share of both."""
    fresh, replayed = dataset.fresh[kind]
    new = round(count * fresh_share(len(fresh), len(replayed), recipe.replay))
    parts = []
    for stream, pool, size in (("fresh", fresh, new), ("replay", replayed, count - new)):
        if size:
            parts.append(pool[endless(recipe.seed, stream, kind, len(pool), step * size, size)])
    return numbers(recipe.seed, "order", kind, step).permutation(np.concatenate(parts))


def with_partners(anchors: Places, members: Members, recipe: Recipe, step: int) -> Places:
    """Each anchor and another example of its class, where there is one: without, there is nothing to draw near."""
    draws = numbers(recipe.seed, "partner", "classed", step).random(len(anchors))
    others = np.maximum(members.count[anchors] - 1, 1)
    ahead = 1 + np.minimum((draws * others).astype(np.int64), others - 1)
    within = (members.own[anchors] + ahead) % members.count[anchors]
    partners = members.ordered[members.first[anchors] + within]
    return np.stack([anchors, partners], axis=1).ravel()[: recipe.batch]


@lru_cache(maxsize=32)
def _order(seed: int, stream: str, kind: str, turn: int, size: int) -> Places:
    return numbers(seed, stream, kind, turn).permutation(size)
