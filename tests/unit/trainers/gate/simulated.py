"""Simulated models before the gate: how often it promotes one that it should not, and one that it should."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from trainers.gate.config import GateConfig
from trainers.gate.judging import judge
from trainers.gate.outcomes import Floats, Measure, Outcomes, Unit
from trainers.gate.verdict import Aim

Contest = Callable[[np.random.Generator], tuple[Outcomes, Outcomes]]
"""Candidate and live, drawn anew."""

CANDIDATES = 19
TWO_LANGUAGES = ("language=en", "language=de")


def reciprocal_ranks(numbers: np.random.Generator, items: int, skill: float) -> Floats:
    """Of the right text among twenty; its similarity lies `skill` standard deviations above the others'."""
    right = numbers.normal(skill, 1, (items, 1))
    return np.asarray(1 / (1 + (numbers.normal(0, 1, (items, CANDIDATES)) > right).sum(axis=1)))


def outcomes(
    version: str, values: NDArray[np.floating] | Sequence[float], languages: Sequence[str] = TWO_LANGUAGES
) -> Outcomes:
    """Of pictures with captions, in turn of each language."""
    units = tuple(
        Unit("default", f"item-{place}", 1, "captions", ("modality=image", languages[place % len(languages)]))
        for place in range(len(values))
    )
    return Outcomes(version, (Measure("reciprocal_rank", units, np.asarray(values, dtype=np.float64)),), (), len(units))


def skilled(items: int, gain: float, skill: float = 1.5) -> Contest:
    """Two models with errors of their own; the candidate is more skilled by `gain`."""
    return lambda numbers: (
        outcomes("candidate", reciprocal_ranks(numbers, items, skill + gain)),
        outcomes("live", reciprocal_ranks(numbers, items, skill)),
    )


def with_scores(found: Outcomes, scores: Floats) -> Outcomes:
    """The same, and what a head says of the same items."""
    return replace(found, measures=(*found.measures, Measure("class_score", found.measures[0].units, scores)))


def skilled_twice(items: int, gain: float) -> Contest:
    """Two models compared in both primary measures: the candidate's gain is in the second one alone.

    Ranks move by chance, for one item in five: candidates begin where the live model stands.
    """

    def contest(numbers: np.random.Generator) -> tuple[Outcomes, Outcomes]:
        ranks, others = (reciprocal_ranks(numbers, items, 1.5) for _ in range(2))
        moved = np.where(numbers.random(items) < 0.2, others, ranks)
        scores, better = numbers.beta(3, 2, items), numbers.beta(3 + 3 * gain, 2, items)
        return with_scores(outcomes("candidate", moved), better), with_scores(outcomes("live", ranks), scores)

    return contest


def losing(items: int, mean: float, by: float) -> Contest:
    """The candidate loses `mean` on average: `by` on a few items, nothing on the others."""

    def contest(numbers: np.random.Generator) -> tuple[Outcomes, Outcomes]:
        lost = (numbers.random(items) < mean / by) * by
        return outcomes("candidate", 1 - lost, ["language=en"]), outcomes("live", np.ones(items), ["language=en"])

    return contest


def harming_a_slice(items: int, margin: float, by: float) -> Contest:
    """Much better in one language, and worse in the other by the margin."""

    def contest(numbers: np.random.Generator) -> tuple[Outcomes, Outcomes]:
        harmed = np.arange(items) % 2 == 1
        lost = (numbers.random(items) < margin / by) * by
        candidate = np.where(harmed, 1 - lost, 1.0)
        live = np.where(harmed, 1.0, numbers.random(items) / 2)
        return outcomes("candidate", candidate), outcomes("live", live)

    return contest


def promotions(contest: Contest, times: int, config: GateConfig, aim: Aim = Aim.BETTER) -> int:
    """How many of so many contests the candidate wins."""
    drawn = (contest(np.random.default_rng(seed)) for seed in range(times))
    return sum(judge(candidate, live, config, seed, aim).passed for seed, (candidate, live) in enumerate(drawn))


def most_by_chance(times: int, rate: float, confidence: float = 0.99) -> int:
    """Promotions that a gate of this true rate stays at or below, so surely."""
    return int(binom.ppf(confidence, times, rate))
