from consumers.signals.measures.negatives import hard_negatives
from schemas.searches import FeedbackGiven
from tests.unit.consumers.signals.builders import feedback, search, shown


def mined(*given: FeedbackGiven) -> list[tuple[str, str, float]]:
    return [(one.negative_id, one.positive_id, one.weight) for one in hard_negatives(shown(search("s"), *given))]


def test_what_was_skipped_above_a_click_is_a_negative_for_it() -> None:
    assert mined(feedback("s", item="c")) == [("a", "c", 0.5), ("b", "c", 0.5)]


def test_what_lies_below_the_click_tells_nothing() -> None:
    assert mined(feedback("s", item="a")) == []


def test_a_skipped_item_is_paired_with_the_nearest_click_below() -> None:
    assert mined(feedback("s", item="b"), feedback("s", item="c")) == [("a", "b", 0.5)]


def test_what_was_judged_irrelevant_is_a_negative_wherever_it_stood() -> None:
    assert mined(feedback("s", item="a"), feedback("s", "relevance", "c", value=0.0)) == [("c", "a", 1.0)]


def test_a_bad_rating_counts_as_a_judgement_and_a_middling_one_as_nothing() -> None:
    bad, middling = feedback("s", "rating", "b", value=1.0), feedback("s", "rating", "b", value=3.0)
    assert mined(feedback("s", item="a"), bad) == [("b", "a", 1.0)]
    assert mined(feedback("s", item="a"), middling) == []


def test_an_item_about_which_people_disagree_is_neither() -> None:
    assert mined(feedback("s", item="b"), feedback("s", "relevance", "b", value=0.0)) == []


def test_a_long_look_is_as_good_as_a_click() -> None:
    assert mined(feedback("s", "dwell", "b", value=45.0)) == [("a", "b", 0.5)]
    assert mined(feedback("s", "dwell", "b", value=2.0)) == []


def test_one_refusal_leaves_the_answer_alone() -> None:
    assert mined(feedback("s", item="c"), feedback("s", "dwell", "c", value=1.0, consent=False)) == []


def test_feedback_of_a_kind_that_is_not_known_yet_changes_nothing() -> None:
    assert mined(feedback("s", item="c"), feedback("s", "applause", "a")) == [("a", "c", 0.5), ("b", "c", 0.5)]


def test_a_negative_carries_versions_model_and_words() -> None:
    [one] = hard_negatives(shown(search("s", items="ab"), feedback("s", item="b")))
    assert (one.negative_version, one.positive_version, one.model_version) == (1, 2, "m-1")
    assert one.query_text == "quiet rivers"
