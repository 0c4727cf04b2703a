import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.label_studio.templates.answers import Box, Span
from annotation.quality.measures.regions import box_f1, box_iou, matched_boxes, span_iou

BOXES = st.builds(
    Box,
    st.sampled_from(["cat", "dog"]),
    st.integers(0, 50),
    st.integers(0, 50),
    st.integers(1, 50),
    st.integers(1, 50),
)


def test_two_halves_that_share_a_third() -> None:
    assert box_iou(Box("cat", 0, 0, 20, 10), Box("cat", 10, 0, 20, 10)) == pytest.approx(1 / 3)


def test_boxes_apart_do_not_overlap() -> None:
    assert box_iou(Box("cat", 0, 0, 10, 10), Box("cat", 20, 20, 5, 5)) == 0


def test_a_box_is_like_itself_even_without_area() -> None:
    assert box_iou(Box("cat", 3, 3, 0, 0), Box("cat", 3, 3, 0, 0)) == 1


def test_boxes_of_different_classes_never_match() -> None:
    assert matched_boxes([Box("cat", 0, 0, 10, 10)], [Box("dog", 0, 0, 10, 10)], 0.5) == []


def test_as_many_boxes_match_as_can_though_a_better_pair_must_be_given_up() -> None:
    ours = [Box("cat", 0, 0, 10, 10), Box("cat", 2, 0, 10, 10)]
    theirs = [Box("cat", 1, 0, 10, 10), Box("cat", 3.5, 0, 10, 10)]
    assert [(i, j) for i, j, _ in matched_boxes(ours, theirs, 0.7)] == [(0, 0), (1, 1)]


def test_nothing_found_by_both_is_agreement() -> None:
    assert box_f1([], [], 0.5) == 1
    assert box_f1([Box("cat", 0, 0, 1, 1)], [], 0.5) == 0


@given(st.lists(BOXES, max_size=4), st.lists(BOXES, max_size=4))
def test_box_agreement_does_not_depend_on_who_is_first(ours: list[Box], theirs: list[Box]) -> None:
    assert box_f1(ours, theirs, 0.5) == box_f1(theirs, ours, 0.5)


def test_spans_that_share_half_of_what_either_marks() -> None:
    assert span_iou([Span("speech", 0, 3)], [Span("speech", 1, 4)]) == pytest.approx(0.5)


def test_a_span_in_two_pieces_is_the_same_as_in_one() -> None:
    assert span_iou([Span("speech", 0, 1), Span("speech", 1, 3)], [Span("speech", 0, 3)]) == 1


def test_overlapping_spans_of_one_person_count_once() -> None:
    assert span_iou([Span("speech", 0, 2), Span("speech", 1, 3)], [Span("speech", 0, 3)]) == 1


def test_the_same_time_with_another_class_is_no_agreement() -> None:
    assert span_iou([Span("speech", 0, 3)], [Span("music", 0, 3)]) == 0
