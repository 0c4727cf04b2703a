"""Agreement of annotators on classes beyond chance: 1 is perfect, 0 is what guessing gives, below 0 is worse than that.

None where a measure is not defined: nobody to compare, or only one class was ever used, so that chance alone agrees
perfectly.
"""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence


def cohen_kappa(first: Sequence[Hashable], second: Sequence[Hashable]) -> float | None:
    """Two annotators on the same items, in the same order.

    J. Cohen, A coefficient of agreement for nominal scales, Educational and Psychological Measurement 20 (1960).
    """
    if len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} answers are not to the same items")
    if not first:
        return None
    count = len(first)
    observed = sum(one == other for one, other in zip(first, second, strict=True)) / count
    ours, theirs = Counter(first), Counter(second)
    by_chance = sum(ours[name] * theirs[name] for name in ours) / count**2
    return _beyond_chance(observed, by_chance)


def fleiss_kappa(items: Sequence[Mapping[Hashable, int]]) -> float | None:
    """Any annotators, the same number for every item; each item maps classes to how many chose them.

    J. L. Fleiss, Measuring nominal scale agreement among many raters, Psychological Bulletin 76 (1971).
    """
    sizes = {sum(item.values()) for item in items}
    if len(sizes) > 1:
        raise ValueError("every item must have the same number of answers")
    if not sizes or (raters := sizes.pop()) < 2:
        return None
    totals: Counter[Hashable] = Counter()
    for item in items:
        totals.update(item)
    by_chance = sum((total / (len(items) * raters)) ** 2 for total in totals.values())
    pairs = sum(count * (count - 1) for item in items for count in item.values())
    return _beyond_chance(pairs / (len(items) * raters * (raters - 1)), by_chance)


def krippendorff_alpha(items: Sequence[Sequence[Hashable]]) -> float | None:
    """Any annotators, any number for each item, classes without order; items with one answer say nothing.

    K. Krippendorff, Computing Krippendorff's alpha-reliability (2011), the form for nominal data with missing answers.
    """
    paired = [Counter(item) for item in items if len(item) > 1]
    totals: Counter[Hashable] = Counter()
    for item in paired:
        totals.update(item)
    count = totals.total()
    if not count:
        return None
    observed = sum(_differing_pairs(item) / (item.total() - 1) for item in paired)
    expected = _differing_pairs(totals) / (count - 1)
    return None if expected == 0 else 1 - observed / expected


def agreeing_pairs(answers: Sequence[Hashable]) -> float | None:
    """Share of the pairs of answers that are equal; None where there is no pair."""
    count = len(answers)
    if count < 2:
        return None
    return sum(same * (same - 1) for same in Counter(answers).values()) / (count * (count - 1))


def _differing_pairs(counts: Counter[Hashable]) -> int:
    return counts.total() ** 2 - sum(same**2 for same in counts.values())


def _beyond_chance(observed: float, by_chance: float) -> float | None:
    return None if by_chance == 1 else (observed - by_chance) / (1 - by_chance)
