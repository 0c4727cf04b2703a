"""The gate's judgement: pure, from measured outcomes to a verdict with its reasons.

A candidate must be better in a primary measure: the reciprocal rank of the right text, or the quadratic score of the
class probabilities. Both give each item a value between 0 and 1 rather than a hit or a miss. So they still see a
difference over 40 to 100 items, where hits at rank one or ten mostly tie, and no single item can outweigh the others as
in the logarithmic loss, which is reported. Where both have enough items either will do, corrected for the choice: a
model that only learnt to see is not refused for reading as before.

A candidate is promoted if it is better than chance and the bootstrap allow at `alpha`, by as much as a release is
worth, and no slice and no other measure that is judged loses its margin. All of these must hold, so each test at
`alpha` bounds false promotions by `alpha`; Holm's correction on top makes all the claims about slices true at once with
that error.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from schemas.training import EVERYTHING, Metric, Regression
from trainers.gate.config import GateConfig
from trainers.gate.measured import encoding_time, metrics_of, one_metric
from trainers.gate.outcomes import Measure, Outcomes, Pairs, paired, slices_of
from trainers.gate.resampling import Resampler, holm
from trainers.gate.verdict import Aim, Check, Verdict, in_words, moved

PRIMARY = ("reciprocal_rank", "class_score")
"""What a candidate can be better in."""
GUARDED = ("reciprocal_rank", "class_score", "average_precision")
"""What must not get worse by more than the margin."""


def judge(
    candidate: Outcomes, live: Outcomes, config: GateConfig, seed: int | None = None, aim: Aim = Aim.BETTER
) -> Verdict:
    """Whether the candidate may take over from the live model. Equal outcomes and seeds give equal verdicts."""
    seed = config.seed if seed is None else seed
    hand = _Hand(candidate, live, config, Resampler(config.resamples, seed))
    checks = list(hand.checks(aim))
    passed = all(check.passed for check in checks)
    return Verdict(
        passed,
        tuple(check.words for check in sorted(checks, key=lambda check: check.passed)),
        tuple(metrics_of(candidate, live, config, hand.resampler)),
        tuple(hand.regressions()),
        passed and config.approval,
        config.alpha,
        seed,
        candidate.items,
    )


@dataclass(frozen=True)
class _Hand:
    """One candidate before the gate."""

    candidate: Outcomes
    live: Outcomes
    config: GateConfig
    resampler: Resampler
    _known: dict[tuple[str, str], Pairs] = field(default_factory=dict)

    def checks(self, aim: Aim) -> Iterator[Check]:
        if self.candidate.model_version == self.live.model_version:
            yield Check(False, f"{self.candidate.model_version} is the live model itself")
            return
        if not self.primary:
            yield self._too_few()
            return
        yield from self._better() if aim is Aim.BETTER else self._as_good()
        yield from self._slices()
        yield from self._latency()

    @cached_property
    def primary(self) -> list[str]:
        """The primary measures that have enough items."""
        return [name for name in PRIMARY if len(self._pairs(name)) >= self.config.min_items]

    def regressions(self) -> list[Regression]:
        """The items that lost most of a primary measure."""
        lost = [(gain, name, place) for name in self.primary for place, gain in enumerate(self._pairs(name).gains)]
        worst = sorted(one for one in lost if one[0] < 0)[: self.config.max_regressions]
        return [self._regression(name, place) for _, name, place in worst]

    def _regression(self, name: str, place: int) -> Regression:
        pairs = self._pairs(name)
        unit = pairs.units[place]
        return Regression(
            tenant=unit.tenant,
            item_id=unit.item_id,
            version=unit.version,
            metric=name,
            candidate=float(pairs.candidate[place]),
            live=float(pairs.live[place]),
        )

    def _too_few(self) -> Check:
        most = max(len(self._pairs(name)) for name in PRIMARY)
        return Check(False, f"too few items to judge by: {most} can be compared, {self.config.min_items} are needed")

    def _better(self) -> Iterator[Check]:
        """One primary measure suffices. Where no item moves there is nothing that chance could have moved either."""
        moving = [name for name in self.primary if self._pairs(name).gains.any()]
        chances = dict(zip(moving, holm([self._chance(name) for name in moving]), strict=True))
        shown = [name for name in moving if chances[name] <= self.config.alpha]
        worth = [name for name in shown if self._pairs(name).gains.mean() >= self.config.least_gain]
        for name in self.primary:
            if name not in chances:
                words = f"no better than the live model: {self._said(name)}, the same for every item"
            elif name not in shown:
                above = f"p {chances[name]:.3f} is above {self.config.alpha}"
                words = f"not shown to be better: {self._said(name)}, {above}"
            elif name not in worth:
                words = f"better by less than the {self.config.least_gain} that a release is worth: {self._said(name)}"
            else:
                words = f"better than the live model: {self._said(name)}, p {chances[name]:.4f}"
            yield Check(bool(worth), words)

    def _chance(self, name: str) -> float:
        gains = self._pairs(name).gains
        least = self._least(len(self.primary))
        return max(self.resampler.no_more_than(gains, 0.0, least), self.resampler.by_chance(gains))

    def _as_good(self) -> Iterator[Check]:
        for name in self.primary:
            chance = self.resampler.no_more_than(self._pairs(name).gains, -self.config.margin, self._least(1))
            if chance <= self.config.alpha:
                yield Check(
                    True, f"as good as the live model within {self.config.margin}, which suffices: {self._said(name)}"
                )
            else:
                why = f"{self._said(name)}, p {chance:.3f}"
                yield Check(False, f"a loss of {self.config.margin} cannot be ruled out: {why}")

    def _least(self, tests: int) -> float:
        """A p-value that passes even if Holm corrects it for all tests; else many slices would refuse everybody."""
        return self.config.alpha / (2 * max(tests, 1))

    def _said(self, name: str) -> str:
        return f"{in_words(name)} {moved(self._metric(name))} over {len(self._pairs(name))} items"

    def _slices(self) -> Iterator[Check]:
        """One check for all that must not get worse; those that may have are named."""
        asked, small = self._guarded()
        margin, least = self.config.slice_margin, self._least(len(asked))
        chances = [self.resampler.no_more_than(pairs.gains, -margin, least) for _, _, pairs in asked]
        failed = 0
        for (name, inside, _), chance in zip(asked, holm(chances), strict=True):
            if chance > self.config.alpha:
                failed += 1
                where = "" if inside == EVERYTHING else f" in {inside}"
                change = moved(self._metric(name, inside))
                why = f"{in_words(name)} {change}, corrected p {chance:.3f}"
                yield Check(False, f"a loss of {self.config.slice_margin}{where} cannot be ruled out: {why}")
        if asked and not failed:
            words = f"no loss of {self.config.slice_margin} in any slice or measure ({len(asked)} tested)"
            yield Check(True, words)
        if small:
            names = ", ".join(small[:3]) + (f" and {len(small) - 3} more" if len(small) > 3 else "")
            yield Check(True, f"too small to be judged: {names}")

    def _guarded(self) -> tuple[list[tuple[str, str, Pairs]], list[str]]:
        """Measures and slices to test, and the slices that have too few items; what differs in name only, once."""
        asked, small = list[tuple[str, str, Pairs]](), dict[str, None]()
        seen = set[Content]()
        for name in GUARDED:
            measure = self.candidate.measure(name)
            inner = slices_of(measure.units) if measure and name in self.primary else []
            for inside in (EVERYTHING, *inner):
                pairs = self._pairs(name, inside)
                if len(pairs) < self.config.min_slice_items:
                    small.update({inside: None} if inside != EVERYTHING else {})
                elif _content(pairs) not in seen:
                    seen.add(_content(pairs))
                    asked.append((name, inside, pairs))
        return asked, list(small)

    def _latency(self) -> Iterator[Check]:
        time = encoding_time(self.candidate, self.live)
        if time is None:
            return
        words = f"encoding takes {time.ratio:.2f} times as long as with the live model"
        words += f" ({time.live_ms:.2f} -> {time.candidate_ms:.2f} ms an item)"
        if time.ratio <= self.config.max_latency_ratio:
            yield Check(True, words)
        else:
            yield Check(False, f"{words}; {self.config.max_latency_ratio} is allowed")

    def _pairs(self, name: str, inside: str = EVERYTHING) -> Pairs:
        known = self._known.get((name, inside))
        if known is None:
            known = self._known[name, inside] = self._paired(name, inside)
        return known

    def _paired(self, name: str, inside: str) -> Pairs:
        return paired(self.candidate.measure(name) or Measure(name, (), np.zeros(0)), self.live.measure(name), inside)

    def _metric(self, name: str, inside: str = EVERYTHING) -> Metric:
        return one_metric(name, inside, self._pairs(name, inside), self.resampler)


Content = tuple[frozenset[tuple[str, str]], bytes]


def _content(pairs: Pairs) -> Content:
    return frozenset(unit[:2] for unit in pairs.units), pairs.gains.tobytes()
