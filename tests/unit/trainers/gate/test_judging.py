"""Verdicts and their reasons."""

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from tests.unit.trainers.gate.simulated import outcomes, reciprocal_ranks, with_scores
from trainers.gate.config import GateConfig
from trainers.gate.judging import judge
from trainers.gate.outcomes import Answers, Measure, Outcomes
from trainers.gate.verdict import Aim

CONFIG = GateConfig()
NUMBERS = np.random.default_rng(0)
LIVE = outcomes("live", reciprocal_ranks(NUMBERS, 80, 1.0))
BETTER = outcomes("candidate", reciprocal_ranks(NUMBERS, 80, 3.0))
TWIN = outcomes("candidate", LIVE.measures[0].values)
WORSE_GERMAN = np.where(np.arange(80) % 2 == 1, LIVE.measures[0].values * 0.4, 1.0)


def timed(result: Outcomes, ms: float) -> Outcomes:
    return result.timed(np.full(8, ms))


def test_a_better_candidate_passes() -> None:
    assert judge(BETTER, LIVE, CONFIG).passed


def test_passing_is_explained_by_the_gain_and_its_interval() -> None:
    [first, *_] = judge(BETTER, LIVE, CONFIG).reasons
    assert first.startswith("better than the live model: reciprocal rank of the right text 0.")
    assert "95% interval +0." in first


def test_a_candidate_equal_to_the_live_model_does_not_pass() -> None:
    verdict = judge(TWIN, LIVE, CONFIG)
    assert not verdict.passed
    assert "the same for every item" in verdict.reasons[0]


def test_a_gain_that_is_sure_and_not_worth_a_release_does_not_pass() -> None:
    live = outcomes("live", np.linspace(0.2, 0.8, 80))
    little = outcomes("candidate", live.measures[0].values + np.linspace(0.004, 0.006, 80))
    verdict = judge(little, live, CONFIG)
    assert not verdict.passed
    assert verdict.reasons[0].startswith("better by less than the 0.01 that a release is worth: ")
    assert judge(little, live, CONFIG.model_copy(update={"least_gain": 0.004})).passed


def test_a_candidate_equal_to_a_live_model_that_must_go_passes() -> None:
    assert judge(TWIN, LIVE, CONFIG, aim=Aim.AS_GOOD).passed


@pytest.mark.parametrize("aim", Aim)
def test_the_live_model_itself_never_passes(aim: Aim) -> None:
    verdict = judge(LIVE, LIVE, CONFIG, aim=aim)
    assert verdict.reasons == ("live is the live model itself",)


def test_too_few_items_are_called_so() -> None:
    verdict = judge(outcomes("candidate", np.ones(12)), outcomes("live", np.ones(12)), CONFIG)
    assert not verdict.passed
    assert verdict.reasons == ("too few items to judge by: 12 can be compared, 40 are needed",)


def test_nothing_measured_at_all_is_too_few_items() -> None:
    assert not judge(Outcomes("candidate", ()), Outcomes("live", ()), CONFIG).passed


def test_a_slice_that_gets_worse_stops_a_candidate_that_is_better_on_the_whole() -> None:
    verdict = judge(outcomes("candidate", WORSE_GERMAN), LIVE, CONFIG)
    assert not verdict.passed
    assert verdict.reasons[0].startswith("a loss of 0.1 in language=de cannot be ruled out")
    assert any(reason.startswith("better than the live model") for reason in verdict.reasons)


def test_a_slice_of_few_items_is_named_and_not_judged() -> None:
    languages = ["language=en"] * 7 + ["language=de"]
    live = outcomes("live", LIVE.measures[0].values, languages)
    candidate = outcomes("candidate", BETTER.measures[0].values, languages)
    verdict = judge(candidate, live, CONFIG)
    assert verdict.passed
    assert "too small to be judged: language=de" in verdict.reasons


def test_a_slow_candidate_is_stopped() -> None:
    verdict = judge(timed(BETTER, 4.0), timed(LIVE, 2.0), CONFIG)
    assert not verdict.passed
    assert verdict.reasons[0].startswith("encoding takes 2.00 times as long")


def test_a_candidate_within_the_bound_of_time_passes() -> None:
    assert judge(timed(BETTER, 2.5), timed(LIVE, 2.0), CONFIG).passed


def test_being_better_in_one_of_two_primary_measures_suffices() -> None:
    scores = np.linspace(0.3, 0.6, 80)
    verdict = judge(with_scores(TWIN, scores + 0.2), with_scores(LIVE, scores), CONFIG)
    assert verdict.passed
    assert any(reason.startswith("better than the live model: score of the class") for reason in verdict.reasons)


def test_being_better_in_one_measure_does_not_make_up_for_the_other() -> None:
    scores = np.linspace(0.5, 0.8, 80)
    verdict = judge(with_scores(BETTER, scores - 0.3), with_scores(LIVE, scores), CONFIG)
    assert not verdict.passed
    assert verdict.reasons[0].startswith("a loss of 0.1 cannot be ruled out: score of the class probabilities")


def test_as_good_is_asked_of_both_primary_measures() -> None:
    scores = np.linspace(0.5, 0.8, 80)
    verdict = judge(with_scores(BETTER, scores - 0.3), with_scores(LIVE, scores), CONFIG, aim=Aim.AS_GOOD)
    assert not verdict.passed


def test_another_measure_that_gets_worse_stops_a_candidate() -> None:
    units = LIVE.measures[0].units
    worse = replace(BETTER, measures=(*BETTER.measures, Measure("average_precision", units, np.full(80, 0.5))))
    live = replace(LIVE, measures=(*LIVE.measures, Measure("average_precision", units, np.full(80, 0.7))))
    verdict = judge(worse, live, CONFIG)
    assert not verdict.passed
    assert "average precision" in verdict.reasons[0]


def test_regressions_come_worst_first_and_are_bounded() -> None:
    verdict = judge(outcomes("candidate", WORSE_GERMAN), LIVE, GateConfig(max_regressions=3))
    losses = [one.live - one.candidate for one in verdict.regressions]
    assert len(losses) == 3
    assert losses == sorted(losses, reverse=True)
    assert losses[0] == pytest.approx(max(LIVE.measures[0].values - WORSE_GERMAN))


def test_a_person_is_asked_only_about_what_passed() -> None:
    config = GateConfig(approval=True)
    assert judge(BETTER, LIVE, config).needs_approval
    assert not judge(TWIN, LIVE, config).needs_approval


def test_a_verdict_is_repeatable() -> None:
    assert judge(BETTER, LIVE, CONFIG, seed=7) == judge(BETTER, LIVE, CONFIG, seed=7)


def test_every_slice_that_is_judged_is_among_the_metrics() -> None:
    verdict = judge(BETTER, LIVE, CONFIG)
    assert [one.slice for one in verdict.metrics] == ["all", "language=de", "language=en", "modality=image"]


def test_measures_of_the_whole_are_compared_too() -> None:
    units, truth = LIVE.measures[0].units, np.arange(80) % 4
    wrong = (truth + (np.arange(80) % 2)) % 4
    sure = np.full(80, 0.9)
    candidate = replace(BETTER, answers=(Answers("digits", units, truth, truth, sure),))
    live = replace(LIVE, answers=(Answers("digits", units, truth, wrong, sure),))
    found = {one.name: one for one in judge(candidate, live, CONFIG).metrics}
    assert found["macro_f1"].candidate == 1.0
    assert (found["macro_f1"].low or 0) > 0.2
    assert found["calibration_error"].candidate == pytest.approx(0.1)
    assert found["calibration_error"].live == pytest.approx(0.4)


def test_margins_that_so_few_items_cannot_prove_are_refused() -> None:
    with pytest.raises(ValidationError, match="10 items cannot rule out"):
        GateConfig(min_items=10)


def test_however_many_slices_there_are_one_who_is_better_in_all_of_them_passes() -> None:
    languages = [f"language=l{number}" for number in range(100)]
    live = np.clip(np.random.default_rng(1).random(100 * 40) * 0.4, 0, 1)
    gains = 0.3 + np.random.default_rng(2).random(len(live)) * 0.2
    verdict = judge(outcomes("candidate", live + gains, languages), outcomes("live", live, languages), CONFIG)
    assert verdict.passed, verdict.reasons[0]
