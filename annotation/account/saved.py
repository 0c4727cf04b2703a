"""How many labels the selection saved, with a 95 % interval and what it allows to say.

Saved is the share of labels that the active arm can do without to be as good as the random arm is in the end: one minus
the ratio of the two counts, taken at equal label counts. The ratio is read off the whole curves, as its mean over the
scores that both pass through: a strategy's ratio hardly changes along a curve, while the last point of a short one is
mostly chance. Where the active arm is the worse one the share is below 0. The interval is a bootstrap over items:
labels of both arms are drawn anew, all heads are refitted, and both arms are tested on the same draw. The random arm is
small, so the interval is wide; it is part of the answer.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from annotation.account.arms import Arms
from annotation.account.config import AccountConfig, Score
from annotation.account.scores import Codes, Floats, reached_at, rising
from annotation.account.trial import Trial, Weights
from models.heads.config import HeadConfig
from models.labels.accounts import Judgement

FEWEST = 5
"""Where curves begin."""
MOST_LOST = -1.0
"""Twice the labels, or more."""
LEVELS = 12
"""Scores at which the curves are compared."""

NORMAL = 1.96
"""Standard deviations around the middle 95 %."""

Said = dict[int, Codes]
"""Predictions by the count of labels behind them."""


class Finding(NamedTuple):
    """How two curves compare."""

    ratio: float
    """Labels of the active arm for each label of the random one."""
    n_active: float
    n_random: float
    target: float


@dataclass(frozen=True, slots=True)
class Point:
    """A place on a learning curve, with its 95 % interval."""

    labels: int
    macro_f1: float
    accuracy: float
    low: float
    """Of the score that the account goes by."""
    high: float


@dataclass(frozen=True, slots=True)
class Curves:
    """Learning curves at equal label counts."""

    active: tuple[Point, ...] = ()
    random: tuple[Point, ...] = ()


@dataclass(frozen=True, slots=True)
class LabelsSaved:
    """The account."""

    verdict: Judgement
    share: float | None
    """None where nothing can be said."""
    low: float | None
    high: float | None
    n_active: float | None
    """Labels with which the active arm reaches the target."""
    n_random: float | None
    """Labels with which the random arm reaches it; at most those that are not needed to test."""
    labels_active: int
    labels_random: int
    score: Score
    target: float | None
    """The final score of the random arm or, where the active arm is worse, of that."""
    curves: Curves = Curves()
    why: str = ""
    """In words, where nothing can be said."""

    @property
    def in_words(self) -> str:
        """One sentence for people."""
        if self.share is None or self.low is None or self.high is None:
            return f"not enough labels: {self.why}"
        interval = f"95 % interval {self.low:+.0%} to {self.high:+.0%}, {100 * (self.high - self.low):.0f} points wide"
        said = {
            Judgement.GAIN: f"saves {self.share:.0%} of the labels",
            Judgement.NO_GAIN: f"no gain: {self.share:+.0%} saved is within chance",
            Judgement.BEHIND: f"behind random choice: costs {-self.share:.0%} more labels",
        }
        return f"{said[self.verdict]} ({interval})"


def labels_saved(arms: Arms, config: AccountConfig, rest: Callable[[], None] = lambda: None) -> LabelsSaved:
    """Draws up the account of both arms. `rest` is called between resamples, and may raise to give up."""
    if why := _too_few(arms, config):
        return _nothing(arms, config, why)
    trial = Trial.of(arms, config.folds, config.seed)
    counts = _grid(trial.training_labels, config.points)
    whole = trial.everything()
    said = _said(trial, counts, whole, HeadConfig())
    resampled = list(_resampled(trial, counts, config, rest))
    finding = _compare(counts, *(_scores(trial, each, whole, config.score) for each in said))
    ratios = np.array([_compare(counts, active, random).ratio for active, random in resampled])
    low, high = _interval(finding.ratio, ratios)
    return LabelsSaved(
        verdict=_verdict(low, high),
        share=_share(finding.ratio),
        low=low,
        high=high,
        n_active=finding.n_active,
        n_random=finding.n_random,
        labels_active=len(arms.active),
        labels_random=len(arms.random),
        score=config.score,
        target=finding.target,
        curves=Curves(
            *(
                _points(trial, each, whole, np.array([pair[place] for pair in resampled]), config.score)
                for place, each in enumerate(said)
            )
        ),
    )


def _said(trial: Trial, counts: list[int], weights: Weights, config: HeadConfig) -> tuple[Said, Said]:
    """What heads of each count of labels say, of the active arm and of the random one."""
    active = {count: trial.active(count, weights, config) for count in counts}
    return active, {count: trial.random(count, weights, config) for count in counts}


def _resampled(
    trial: Trial, counts: list[int], config: AccountConfig, rest: Callable[[], None]
) -> Iterator[tuple[Floats, Floats]]:
    """Scores of both arms in each resample."""
    numbers, quick = np.random.default_rng(config.seed), HeadConfig(max_steps=config.steps)
    for _ in range(config.resamples):
        rest()
        weights = trial.resampled(numbers)
        active, random = _said(trial, counts, weights, quick)
        yield _scores(trial, active, weights, config.score), _scores(trial, random, weights, config.score)


def _scores(trial: Trial, said: Said, weights: Weights, by: Score) -> Floats:
    return np.array([trial.score(each, weights, by) for each in said.values()])


def _compare(counts: list[int], active: Floats, random: Floats) -> Finding:
    """How far the curves lie apart, sideways: the mean over score levels of the ratio of labels, as a logarithm."""
    labels = np.array(counts, dtype=np.float64)
    active, random = rising(active), rising(random)
    lowest, target = max(active[0], random[0]), float(min(active[-1], random[-1]))
    if lowest > target:  # one arm is better from its first labels than the other one ever gets
        ratio = counts[-1] / counts[0]
        ratio = 1 / ratio if active[-1] > random[-1] else ratio
    else:
        levels = np.linspace(lowest, target, LEVELS + 1)[1:]
        apart = [np.log(reached_at(labels, active, level) / reached_at(labels, random, level)) for level in levels]
        ratio = float(np.exp(np.mean(apart)))
    most = float(counts[-1])
    return Finding(ratio, *((most * ratio, most) if ratio < 1 else (most, most / ratio)), target)


def _share(ratio: float) -> float:
    return float(max(1 - ratio, MOST_LOST))


def _interval(ratio: float, resampled: Floats) -> tuple[float, float]:
    """Of the share: as wide as the resamples are apart, around what all labels say.

    Not their percentiles: a resample lacks a third of the labels, which costs a set that holds nothing twice more than
    it costs a random one, so resamples speak against the active arm.
    """
    apart = NORMAL * float(np.log(resampled).std(ddof=1))
    return _share(ratio * np.exp(apart)), _share(ratio * np.exp(-apart))


def _verdict(low: float, high: float) -> Judgement:
    if low > 0:
        return Judgement.GAIN
    return Judgement.BEHIND if high < 0 else Judgement.NO_GAIN


def _grid(most: int, points: int) -> list[int]:
    """Label counts, evenly spaced along the logarithm."""
    return sorted({round(count) for count in np.geomspace(min(FEWEST, most), most, points)})


def _points(trial: Trial, said: Said, whole: Weights, resampled: Floats, by: Score) -> tuple[Point, ...]:
    """A curve with its band, which is as wide as the resamples are apart, around what all labels say."""
    apart = NORMAL * resampled.std(axis=0, ddof=1)
    middle = _scores(trial, said, whole, by)
    return tuple(
        Point(
            count,
            trial.score(each, whole, Score.MACRO_F1),
            trial.score(each, whole, Score.ACCURACY),
            low=float(max(middle[place] - apart[place], 0)),
            high=float(min(middle[place] + apart[place], 1)),
        )
        for place, (count, each) in enumerate(said.items())
    )


def _too_few(arms: Arms, config: AccountConfig) -> str:
    for name, arm in (("random", arms.random), ("active", arms.active)):
        if len(arm) < config.min_labels:
            return f"the {name} arm has {len(arm)}, {config.min_labels} are needed"
        if len(set(arm.labels.tolist())) < 2:
            return f"the {name} arm has labels of one class only"
    return ""


def _nothing(arms: Arms, config: AccountConfig, why: str) -> LabelsSaved:
    return LabelsSaved(
        Judgement.NOT_ENOUGH_LABELS,
        share=None,
        low=None,
        high=None,
        n_active=None,
        n_random=None,
        labels_active=len(arms.active),
        labels_random=len(arms.random),
        score=config.score,
        target=None,
        why=why,
    )
