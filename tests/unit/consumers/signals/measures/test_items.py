import pytest

from consumers.signals.measures.items import ItemKey, ItemSignals, Looks, closeness, evidence, looks_at
from consumers.signals.windows import Impression, Span
from schemas.signals import ItemSignalMeasured
from tests.unit.consumers.signals.builders import START_MS, at, feedback, search, shown

SPAN = Span(START_MS, 60_000)


def measured(item: str, *impressions: Impression) -> ItemSignalMeasured:
    return ItemSignals().fact(ItemKey("default", item), impressions, SPAN)


def test_a_measurement_names_its_window_and_the_events_behind_it() -> None:
    fact = measured("a", shown(search("s"), feedback("s"), feedback("s", item="b")), shown(search("t")))
    assert (fact.window_start, fact.window_s, fact.revision, fact.occurred_at) == (at(0), 60, 4, at(60_000))
    assert (fact.impressions, fact.clicks) == (2, 1)


def test_the_same_events_give_the_same_id_and_others_another() -> None:
    one, other = feedback("s"), feedback("s", "safety")
    assert measured("a", shown(search("s"), one)) == measured("a", shown(search("s"), one))
    assert measured("a", shown(search("s"), one)).event_id != measured("a", shown(search("s"), other)).event_id


def test_two_clicks_of_one_answer_are_one() -> None:
    assert measured("a", shown(search("s"), feedback("s"), feedback("s", consent=False))).clicks == 1


def test_what_lies_below_the_lowest_click_was_not_looked_at() -> None:
    impression = shown(search("s"), feedback("s", item="b"))
    assert [looks_at([impression], item) for item in "abc"] == [Looks(1, 0), Looks(1, 1), Looks(0, 0)]


def test_people_who_agree_are_not_undecided() -> None:
    assert (Looks(20, 0).undecided, Looks(20, 20).undecided, Looks(0, 0).undecided) == (0, 0, 0)


def test_half_and_half_is_most_undecided_and_more_so_with_more_looks() -> None:
    assert Looks(2, 1).undecided < Looks(20, 10).undecided < 1
    assert Looks(20, 5).undecided < Looks(20, 10).undecided


def test_what_is_always_passed_over_is_evidence_although_nobody_is_undecided() -> None:
    passed = [shown(search(f"s{place}"), feedback(f"s{place}", item="b")) for place in range(8)]
    assert measured("a", *passed).ambiguity == 0
    assert measured("a", *passed).signal > 0.5
    assert measured("b", *passed).signal == 0


@pytest.mark.parametrize(("scores", "close"), [([3, 2, 1], 0), ([1, 1, 1], 1), ([2, 1.99, 0], 0.99), ([5, 0, -0.1], 0)])
def test_scores_that_lie_close_are_ambiguous(scores: list[float], close: float) -> None:
    assert closeness([shown(search("s", scores=scores))], "a") == pytest.approx(close, abs=0.01)


def test_a_lone_result_is_not_ambiguous() -> None:
    assert closeness([shown(search("s", items="a"))], "a") == 0


def test_complaints_and_judgements_are_evidence() -> None:
    quiet = measured("a", shown(search("s")))
    loud = measured("a", shown(search("s"), feedback("s", "safety"), feedback("s", "correction", text="no")))
    judged = measured("a", shown(search("s"), feedback("s", "relevance", value=0.0)))
    assert (quiet.complaints, loud.complaints) == (0, 2)
    assert quiet.signal < judged.signal < loud.signal


def test_evidence_adds_up_and_stays_below_one() -> None:
    assert evidence() == 0
    assert evidence(0.5, 0.5) == 0.75
    assert evidence(1.0, 0.3) == 1
