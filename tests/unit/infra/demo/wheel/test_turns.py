from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.demo.page import STEPS
from infra.demo.wheel.turns import Making, primary, seconds_of, turn_of
from models.registry.records import Evaluation, Generation, Job, JobState, Model, ModelKind
from schemas.training import Metric, ModelEvaluated, ReleaseKind
from streams.errors import MillraceError
from tests.contract.registry import TRACE, rollout

BEGAN_MS = 1_790_000_000_000
METRICS = (
    Metric(name="recall_at_10", slice="source=web", candidate=0.9, live=0.1),
    Metric(name="unseen_before", candidate=0.4),
    Metric(name="precision_at_10", candidate=0.81236, live=0.5, low=0.12346, high=0.4),
    Metric(name="accuracy", candidate=0.1, live=0.9),
)


def generation(at_ms: int = BEGAN_MS + 30_000) -> Generation:
    return Generation(4, "m-1", "m-1", "m-0", "m-0", ReleaseKind.RELEASE, "", "gate", at_ms)


def verdict(*metrics: Metric) -> ModelEvaluated:
    return ModelEvaluated(
        model_version="m-1", live_version="m-0", metrics=metrics, passed=True, reasons=("so",), seed=1, items=80
    )


def making(**noted: Any) -> Making:
    """Training took 10 s, the gate 2 s, the rollout 5 s until it served; in between something passed."""
    job = Job(
        "j", "default", "labels", "", "smoke", {}, 0, "", "", TRACE, JobState.SUCCEEDED, BEGAN_MS,
        started_at_ms=BEGAN_MS + 1_500,
    )  # fmt: skip
    facts = {"seconds": {"snapshot": 0.5, "data": 1.0, "training": 7.7, "heads": 0.3, "saving": 0.5}} | noted
    model = Model("m-1", ModelKind.ENCODER, "m-1", facts=facts)
    judged = Evaluation("e", "m-1", "{}", BEGAN_MS + 12_000, verdict(*METRICS), BEGAN_MS + 14_000)
    way = {"prepare": 1.0, "backfill": 2.0, "verify": 0.5, "canary": 1.5, "watch": 99.0}
    return Making(model, job, judged, replace(rollout(), steps=way))


def test_the_seconds_of_a_turn_add_up_to_its_total() -> None:
    seconds = seconds_of(generation(), making())
    assert seconds == {
        "snapshot": 0.5,
        "data": 1.0,
        "training": 7.7,
        "heads": 0.3,
        "saving": 0.5,
        "evaluation": 2.0,
        "prepare": 1.0,
        "backfill": 2.0,
        "verify": 0.5,
        "canary": 1.5,
        "queue": 1.5,
        "between": 11.5,
        "total": 30.0,
    }


NOTED = st.sampled_from(["snapshot", "data", "training", "heads", "saving"])


@given(st.dictionaries(NOTED, st.floats(0, 1e4)), st.integers(0))
def test_whatever_was_noted_they_add_up(noted: dict[str, float], took_ms: int) -> None:
    at_ms = BEGAN_MS + took_ms % 10**8
    *steps, total = seconds_of(generation(at_ms), making(seconds=noted)).values()
    assert sum(steps) == pytest.approx(total, abs=0.01 * len(steps))


def test_the_page_shows_every_step_that_there_is() -> None:
    assert {*STEPS, "between", "total"} == seconds_of(generation(), making()).keys()


@pytest.mark.parametrize("noted", [None, 7, "long"])
def test_a_model_without_notes_adds_up_as_well(noted: object) -> None:
    seconds = seconds_of(generation(), making(seconds=noted))
    assert (seconds["between"], seconds["total"]) == (21.5, 30.0)


def test_a_turn_is_told_by_the_first_measure_of_everything_that_both_models_have() -> None:
    turn = turn_of(generation(), making(), {"active": 40})
    assert (turn.metric, turn.before, turn.after, turn.low, turn.high) == ("precision_at_10", 0.5, 0.8124, 0.1235, 0.4)
    assert (turn.generation, turn.model, turn.cause, turn.items, turn.labels) == (
        4,
        "m-1",
        "labels",
        80,
        {"active": 40},
    )


def test_a_verdict_without_such_a_measure_says_why() -> None:
    with pytest.raises(MillraceError, match="nothing was measured of m-1: so"):
        primary(verdict(*METRICS[:2]))
