"""The gate's judgement: pure, from measured outcomes to a verdict with its reasons.

One primary measure decides whether a candidate is better, chosen by what the evaluation side holds and never by its
values, so that nothing is corrected for the choice. It is the reciprocal rank of the right text, or the quadratic score
of the class probabilities: both give each item a value between 0 and 1 rather than a hit or a miss. So they still see a
difference over 40 to 100 items, where hits at rank one or ten mostly tie, and no single item can outweigh the others as
in the logarithmic loss, which is reported.

A candidate is promoted if it is better than chance and the bootstrap allow at `alpha`, and no slice and no other
measure that is judged loses its margin. All of these must hold, so each test at `alpha` bounds false promotions by
`alpha`; Holm's correction on top makes all the claims about slices true at once with that error.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from schemas.training import Metric, Regression
from trainers.gate.config import GateConfig
from trainers.gate.measured import encoding_time, metrics_of, one_metric
from trainers.gate.outcomes import EVERYTHING, Measure, Outcomes, Pairs, paired, slices_of
from trainers.gate.resampling import Resampler, holm
from trainers.gate.verdict import Aim, Check, Verdict, in_words, moved

PRIMARY = ("reciprocal_rank", "class_score")
"""The first of them that has enough items decides."""
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

    def checks(self, aim: Aim) -> Iterator[Check]:
        if self.candidate.model_version == self.live.model_version:
            yield Check(False, f"{self.candidate.model_version} is the live model itself")
            return
        primary = self._primary()
        if primary is None:
            yield self._too_few()
            return
        pairs = self._pairs(primary)
        yield self._better(primary, pairs) if aim is Aim.BETTER else self._as_good(primary, pairs)
        yield from self._slices(primary)
        yield from self._latency()

    def regressions(self) -> list[Regression]:
        """The items that lost most of the primary measure."""
        primary = self._primary()
        if primary is None:
            return []
        pairs = self._pairs(primary)
        worst = [int(place) for place in np.argsort(pairs.gains, kind="stable") if pairs.gains[place] < 0]
        return [
            Regression(
                tenant=pairs.units[place].tenant,
                item_id=pairs.units[place].item_id,
                version=pairs.units[place].version,
                metric=primary,
                candidate=float(pairs.candidate[place]),
                live=float(pairs.live[place]),
            )
            for place in worst[: self.config.max_regressions]
        ]

    def _primary(self) -> str | None:
        return next((name for name in PRIMARY if len(self._pairs(name)) >= self.config.min_items), None)

    def _too_few(self) -> Check:
        most = max(len(self._pairs(name)) for name in PRIMARY)
        return Check(False, f"too few items to judge by: {most} can be compared, {self.config.min_items} are needed")

    def _better(self, name: str, pairs: Pairs) -> Check:
        chance = max(self.resampler.no_more_than(pairs.gains, 0.0), self.resampler.by_chance(pairs.gains))
        words = f"{in_words(name)} {moved(self._metric(name))} over {len(pairs)} items"
        if not pairs.gains.any():
            return Check(False, f"no better than the live model: {words}, the same for every item")
        if chance <= self.config.alpha:
            return Check(True, f"better than the live model: {words}, p {chance:.4f}")
        return Check(False, f"not shown to be better: {words}, p {chance:.3f} is above {self.config.alpha}")

    def _as_good(self, name: str, pairs: Pairs) -> Check:
        chance = self.resampler.no_more_than(pairs.gains, -self.config.margin)
        words = f"{in_words(name)} {moved(self._metric(name))} over {len(pairs)} items"
        if chance <= self.config.alpha:
            return Check(True, f"as good as the live model, which suffices here: {words}, within {self.config.margin}")
        return Check(False, f"a loss of {self.config.margin} cannot be ruled out: {words}, p {chance:.3f}")

    def _slices(self, primary: str) -> Iterator[Check]:
        """One check for all that must not get worse; those that may have are named."""
        asked, small = self._guarded(primary)
        chances = [self.resampler.no_more_than(pairs.gains, -self.config.slice_margin) for _, _, pairs in asked]
        failed = 0
        for (name, inside, _), chance in zip(asked, holm(chances), strict=True):
            if chance > self.config.alpha:
                failed += 1
                where = "" if inside == EVERYTHING else f" in {inside}"
                change = moved(self._metric(name, inside))
                why = f"{in_words(name)} {change}, corrected p {chance:.3f}"
                yield Check(False, f"a loss of {self.config.slice_margin}{where} cannot be ruled out: {why}")
        if asked and not failed:
            yield Check(True, f"no loss of {self.config.slice_margin} in any slice or measure ({len(asked)} tested)")
        if small:
            names = ", ".join(small[:3]) + (f" and {len(small) - 3} more" if len(small) > 3 else "")
            yield Check(True, f"too small to be judged: {names}")

    def _guarded(self, primary: str) -> tuple[list[tuple[str, str, Pairs]], list[str]]:
        """Measures and slices to test, and the slices that have too few items; what differs in name only, once."""
        others = [(name, EVERYTHING, self._pairs(name)) for name in GUARDED if name != primary]
        asked = [one for one in others if len(one[2]) >= self.config.min_slice_items]
        seen, small = {_content(self._pairs(primary))}, list[str]()
        measure = self.candidate.measure(primary)
        for inside in slices_of(measure.units if measure else ()):
            pairs = self._pairs(primary, inside)
            if len(pairs) < self.config.min_slice_items:
                small.append(inside)
            elif _content(pairs) not in seen:
                seen.add(_content(pairs))
                asked.append((primary, inside, pairs))
        return asked, small

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
        return paired(self.candidate.measure(name) or Measure(name, (), np.zeros(0)), self.live.measure(name), inside)

    def _metric(self, name: str, inside: str = EVERYTHING) -> Metric:
        return one_metric(name, inside, self._pairs(name, inside), self.resampler)


def _content(pairs: Pairs) -> tuple[frozenset[tuple[str, str]], bytes]:
    return frozenset(unit[:2] for unit in pairs.units), pairs.gains.tobytes()
