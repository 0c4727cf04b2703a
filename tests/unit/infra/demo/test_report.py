from typing import Any

import pytest

from infra.demo.report import Report, SearchOutcome, faults
from tests.unit.infra.demo.made_up import EXPECTED, report, turn


def but(part: str, **fields: Any) -> Report:
    """The report with a part of it otherwise."""
    return changed(**{part: getattr(report(), part).model_copy(update=fields)})


def changed(**fields: Any) -> Report:
    return report().model_copy(update=fields)


def missed(rank: int | None) -> SearchOutcome:
    return SearchOutcome(query="a cat", expected="cat", rank=rank)


def test_a_demo_that_did_what_it_shows_has_no_faults() -> None:
    assert faults(report(), EXPECTED) == []


@pytest.mark.parametrize(
    ("found", "fault"),
    [
        (changed(turns=[turn(1)]), "the wheel turned 1 times, not twice"),
        (changed(turns=[turn(1), turn(2, low=0.0)]), "generation 2 is not shown to be better"),
        (changed(turns=[turn(1, low=-0.05), turn(2)]), "generation 1 is not shown to be better: precision_at_10 -0.05"),
        (but("refused", passed=True), "the gate let a degraded model through"),
        (but("rolled_back", back_generation=3), "the forced model was not sent back"),
        (but("switch_traffic", failed=1), "of 1000 searches 1 failed and 0 were mixed"),
        (but("switch_traffic", mixed=2), "of 1000 searches 0 failed and 2 were mixed"),
        (but("switch_traffic", searches=999), "of 999 searches"),
    ],
)
def test_each_fault_of_the_wheel_is_named(found: Report, fault: str) -> None:
    [said] = faults(found, EXPECTED)
    assert fault in said


@pytest.mark.parametrize(
    ("found", "fault"),
    [
        (changed(curated=5), "curated: 5, expected 6"),
        (changed(rejected={}), "rejected: {}, expected {'empty': 1}"),
        (changed(searches=[missed(11)]), "cat is not among the first 10"),
        (changed(searches=[missed(None)]), "cat is not among the first 10"),
        (changed(withdrawn_item_found=True), "the withdrawn item is still found"),
        (changed(withdrawn=0), "its withdrawal was not recorded"),
        (changed(signals=0), "no signal came"),
        (changed(republished=2), "again sent 2 items"),
        (but("labels", answered=59), "60 answers were given, 59 came back"),
        (but("labels", by_arm={"active": 40}), "both arms must have some"),
        (but("labels", accuracy=0.84), "annotators err at 0.05"),
        (but("labels", accuracy=None), "None of them are true"),
    ],
)
def test_each_other_fault_is_named(found: Report, fault: str) -> None:
    [said] = faults(found, EXPECTED)
    assert fault in said
