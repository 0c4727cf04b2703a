"""Measured qualities of candidate and live, each with the interval of their difference."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from schemas.training import EVERYTHING, Metric
from trainers.gate.config import GateConfig
from trainers.gate.outcomes import Answers, Floats, Outcomes, Pairs, paired, slices_of
from trainers.gate.resampling import Resampler
from trainers.gate.whole import calibration_error, macro_f1


class EncodingTime(NamedTuple):
    """Medians over rounds."""

    candidate_ms: float
    live_ms: float
    ratio: float


def metrics_of(candidate: Outcomes, live: Outcomes, config: GateConfig, resampler: Resampler) -> Iterator[Metric]:
    """Everything that was measured: over all, and in each slice that is large enough to be judged."""
    for measure in candidate.measures:
        other = live.measure(measure.name)
        for inside in (EVERYTHING, *slices_of(measure.units)):
            pairs = paired(measure, other, inside)
            if len(pairs) >= (1 if inside == EVERYTHING else config.min_slice_items):
                yield one_metric(measure.name, inside, pairs, resampler, measure.span)
    for answers in candidate.answers:
        both = next((one for one in live.answers if one.task == answers.task), None)
        if both is not None and both.units == answers.units:
            yield _whole("macro_f1", macro_f1, answers, both, resampler)
            yield _whole("calibration_error", calibration_error, answers, both, resampler)
    if time := encoding_time(candidate, live):
        yield Metric(name="encode_ms", candidate=time.candidate_ms, live=time.live_ms)
        yield Metric(name="encode_ratio", candidate=time.ratio, live=1.0)


def one_metric(name: str, inside: str, pairs: Pairs, resampler: Resampler, span: float = 1.0) -> Metric:
    """Means of both models over the same items."""
    low, high = resampler.interval(pairs.gains, span)
    return Metric(name=name, slice=inside, candidate=pairs.candidate.mean(), live=pairs.live.mean(), low=low, high=high)


def encoding_time(candidate: Outcomes, live: Outcomes) -> EncodingTime | None:
    """How long encoding takes, compared round by round; None where it was not timed."""
    if candidate.encode_ms is None or live.encode_ms is None:
        return None
    ratio = float(np.median(candidate.encode_ms / live.encode_ms))
    return EncodingTime(float(np.median(candidate.encode_ms)), float(np.median(live.encode_ms)), ratio)


def _whole(
    name: str, score: Callable[[Answers, Floats], Floats], candidate: Answers, live: Answers, resampler: Resampler
) -> Metric:
    once = np.ones((1, len(candidate.units)))
    drawn = resampler.counts(len(candidate.units))
    low, high = np.quantile(score(candidate, drawn) - score(live, drawn), [0.025, 0.975])
    return Metric(
        name=name,
        slice=f"task={candidate.task}",
        candidate=float(score(candidate, once)[0]),
        live=float(score(live, once)[0]),
        low=float(low),
        high=float(high),
    )
