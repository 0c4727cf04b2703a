"""A little chance in the ranking, with the exact probability of what is shown: the price of learning from clicks.

A ranking without chance shows an item at one position only, and nothing that was logged tells what it would have earned
at another. Two ways to draw, each used with probability `epsilon`:

- `swap` exchanges one pair of neighbours, drawn evenly (after Radlinski and Joachims 2006, Minimally invasive
  randomization for collecting unbiased preferences from clickthrough logs);
- `plackett-luce` draws the top positions one after another, each of the remaining items with a probability that halves
  with every place that it lay lower (Plackett 1975, The analysis of permutations).

`propensities` computes the probability of every item at every position; `draw` draws an order.
"""

import random
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from models.serving.config import ExplorationConfig, Method

Table = NDArray[np.float64]
"""Row: the item by its place in the ranking without chance. Column: the position where it is shown."""
HALVES = 0.5


def draw(count: int, config: ExplorationConfig, chance: random.Random) -> list[int]:
    """An order of `count` items: at each position the place of its item in the ranking without chance."""
    order, top = list(range(count)), min(count, config.depth)
    if not config.active or top < 2 or chance.random() >= config.epsilon:
        return order
    if config.method is Method.SWAP:
        upper = chance.randrange(top - 1)
        order[upper], order[upper + 1] = order[upper + 1], order[upper]
        return order
    left, drawn = list(range(top)), []
    while left:
        [one] = chance.choices(left, [_weight(place) for place in left])
        left.remove(one)
        drawn.append(one)
    return drawn + order[top:]


@lru_cache(maxsize=1024)
def propensities(count: int, config: ExplorationConfig) -> Table:
    """The probability of each item at each position. Rows and columns add up to 1. Do not write into it."""
    table, top = np.eye(count), min(count, config.depth)
    if config.active and top > 1:
        drawn = _swapped(top) if config.method is Method.SWAP else _drawn(top)
        table[:top, :top] = (1 - config.epsilon) * np.eye(top) + config.epsilon * drawn
    return table


def _swapped(top: int) -> Table:
    """One of the `top - 1` pairs of neighbours exchanges its places."""
    share = 1 / (top - 1)
    table = np.zeros((top, top))
    for upper in range(top - 1):
        table[upper, upper + 1] = table[upper + 1, upper] = share
    np.fill_diagonal(table, 1 - table.sum(axis=1))
    return table


def _drawn(top: int) -> Table:
    """Sums over the sets of items that may have been drawn before a position; 2**top of them."""
    weights = [_weight(place) for place in range(top)]
    reached = np.zeros(2**top)
    reached[0] = 1.0
    table = np.zeros((top, top))
    for drawn in range(2**top - 1):
        position = drawn.bit_count()
        left = [place for place in range(top) if not drawn >> place & 1]
        total = sum(weights[place] for place in left)
        for place in left:
            step = reached[drawn] * weights[place] / total
            table[place, position] += step
            reached[drawn | 1 << place] += step
    return table


def _weight(place: int) -> float:
    return float(HALVES**place)
