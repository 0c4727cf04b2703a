"""Reading and writing answers."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.label_studio.templates.answers import Answer, Box, Span
from annotation.label_studio.templates.reading import read_answer
from annotation.label_studio.templates.writing import prelabel, write_answer
from annotation.tasks import TaskKind
from schemas.annotations import Prediction
from streams.errors import BadRecord
from tests.unit.annotation.label_studio.templates.cases import task

LABELS = st.sampled_from(["cat", "dog"])
SIDE = st.floats(min_value=0.5, max_value=50)
BOXES = st.builds(Box, LABELS, SIDE, SIDE, SIDE, SIDE, st.just(0.0), st.none() | st.just((640, 480)))
FRAMES = st.integers(min_value=0, max_value=100_000)
SPANS = st.builds(lambda label, first, more: Span(label, first / 25, (first + more + 1) / 25), LABELS, FRAMES, FRAMES)
TEXT = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1)
ANSWERS = {
    TaskKind.CLASS: LABELS.map(lambda label: Answer(labels=(label,))),
    TaskKind.MULTI_LABEL: st.sampled_from([(), ("cat",), ("cat", "dog")]).map(lambda labels: Answer(labels=labels)),
    TaskKind.CAPTION: TEXT.map(lambda text: Answer(text=text)),
    TaskKind.QUESTION_ANSWER: TEXT.map(lambda text: Answer(text=text)),
    TaskKind.BOXES: st.lists(BOXES, max_size=4).map(lambda boxes: Answer(boxes=tuple(boxes))),
    TaskKind.AUDIO_SEGMENTS: st.lists(SPANS, max_size=4).map(lambda spans: Answer(spans=tuple(spans))),
    TaskKind.VIDEO_SEGMENTS: st.lists(SPANS, max_size=4).map(lambda spans: Answer(spans=tuple(spans))),
    TaskKind.PAIRWISE: st.sampled_from(["left", "right"]).map(lambda choice: Answer(choice=choice)),
    TaskKind.RELEVANCE: st.integers(1, 4).map(lambda rating: Answer(rating=rating)),
}


def region(from_name: str, kind: str, **value: Any) -> dict[str, Any]:
    return {"id": "a", "from_name": from_name, "to_name": "item", "type": kind, "value": value}


def choice(*labels: Any) -> dict[str, Any]:
    return region("label", "choices", choices=list(labels))


def box(**change: Any) -> dict[str, Any]:
    sides = {"x": 10, "y": 20, "width": 30, "height": 40, "rotation": 0, "rectanglelabels": ["cat"]}
    return region("box", "rectanglelabels", **sides | change)


@pytest.mark.parametrize("kind", TaskKind)
@given(data=st.data())
def test_what_is_written_is_read_back_equal(kind: TaskKind, data: st.DataObject) -> None:
    answer = data.draw(ANSWERS[kind])
    assert read_answer(task(kind), write_answer(task(kind), answer)) == answer


MALFORMED = {
    "no list": (TaskKind.CLASS, "cat"),
    "nothing": (TaskKind.CLASS, None),
    "an object": (TaskKind.CLASS, {}),
    "no answer": (TaskKind.CLASS, []),
    "no object in the list": (TaskKind.CLASS, ["cat"]),
    "too many regions": (TaskKind.BOXES, [box()] * 10_001),
    "another control": (TaskKind.CLASS, [region("colour", "choices", choices=["cat"])]),
    "another type": (TaskKind.CLASS, [region("label", "rating", rating=1)]),
    "no value": (TaskKind.CLASS, [{"from_name": "label", "type": "choices"}]),
    "an unknown label": (TaskKind.CLASS, [choice("cow")]),
    "a label that is none": (TaskKind.CLASS, [choice({"cat": 1})]),
    "labels that are no list": (TaskKind.CLASS, [region("label", "choices", choices=7)]),
    "two classes": (TaskKind.CLASS, [choice("cat", "dog")]),
    "no class": (TaskKind.CLASS, [choice()]),
    "an empty caption": (TaskKind.CAPTION, [region("caption", "textarea", text=["  "])]),
    "a caption of numbers": (TaskKind.CAPTION, [region("caption", "textarea", text=[5])]),
    "an endless caption": (TaskKind.CAPTION, [region("caption", "textarea", text=["x" * 100_001])]),
    "no answer to the question": (TaskKind.QUESTION_ANSWER, [region("answer", "textarea")]),
    "a box without a side": (TaskKind.BOXES, [box(width=None)]),
    "a box of no size": (TaskKind.BOXES, [box(height=0)]),
    "a box beyond the picture": (TaskKind.BOXES, [box(x=90)]),
    "a box that is not finite": (TaskKind.BOXES, [box(x=float("nan"))]),
    "a box of truth": (TaskKind.BOXES, [box(x=True)]),
    "a box of a huge number": (TaskKind.BOXES, [box(x=10**400)]),
    "a box with two labels": (TaskKind.BOXES, [box(rectanglelabels=["cat", "dog"])]),
    "a segment that ends before it starts": (
        TaskKind.AUDIO_SEGMENTS,
        [region("segment", "labels", start=2, end=1, labels=["cat"])],
    ),
    "a segment without an end": (TaskKind.AUDIO_SEGMENTS, [region("segment", "labels", start=2, labels=["cat"])]),
    "a video segment without ranges": (
        TaskKind.VIDEO_SEGMENTS,
        [region("segment", "timelinelabels", timelinelabels=["cat"])],
    ),
    "a range that is none": (
        TaskKind.VIDEO_SEGMENTS,
        [region("segment", "timelinelabels", ranges=[3], timelinelabels=["cat"])],
    ),
    "neither side": (TaskKind.PAIRWISE, [region("better", "pairwise", selected="middle")]),
    "both sides": (TaskKind.PAIRWISE, [region("better", "pairwise", selected=side) for side in ("left", "right")]),
    "a rating of five": (TaskKind.RELEVANCE, [region("relevance", "rating", rating=5)]),
    "half a rating": (TaskKind.RELEVANCE, [region("relevance", "rating", rating=2.5)]),
    "a rating in words": (TaskKind.RELEVANCE, [region("relevance", "rating", rating="good")]),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_answer_is_a_dead_letter_that_says_where(case: str) -> None:
    kind, result = MALFORMED[case]
    with pytest.raises(BadRecord, match="malformed_annotation: Label Studio task 9: ") as caught:
        read_answer(task(kind), result, "Label Studio task 9")
    assert caught.value.reason == "malformed_annotation"
    assert len(str(caught.value)) < 400


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["from_name", "type", "value", "choices", "x", "ranges"]) | st.text(), inner
            )
        ),
    )
)
def test_whatever_comes_is_an_answer_or_a_dead_letter(result: object) -> None:
    for kind in TaskKind:
        try:
            read_answer(task(kind), result)
        except BadRecord:
            continue


def test_labels_are_read_in_the_tasks_order_and_once() -> None:
    result = [choice("dog"), choice("cat", "dog")]
    assert read_answer(task(TaskKind.MULTI_LABEL), result).labels == ("cat", "dog")


def test_a_relation_that_somebody_drew_is_no_part_of_the_answer() -> None:
    result = [box(), {"type": "relation", "from_id": "a", "to_id": "a", "direction": "right"}]
    assert len(read_answer(task(TaskKind.BOXES), result).boxes) == 1


def test_a_turned_box_may_reach_beyond_its_picture() -> None:
    [read] = read_answer(task(TaskKind.BOXES), [box(x=95, rotation=45)]).boxes
    assert (read.x, read.rotation) == (95, 45)


def test_every_range_of_a_video_region_is_a_span() -> None:
    ranges = [{"start": 1, "end": 25}, {"start": 51, "end": 75}]
    result = [region("segment", "timelinelabels", ranges=ranges, timelinelabels=["dog"])]
    assert read_answer(task(TaskKind.VIDEO_SEGMENTS), result).spans == (Span("dog", 0, 1), Span("dog", 2, 3))


def test_lines_of_a_text_are_one_text() -> None:
    result = [region("caption", "textarea", text=["one", "two"]), region("caption", "textarea", text="three")]
    assert read_answer(task(TaskKind.CAPTION), result).text == "one\ntwo\nthree"


PREDICTED = tuple(Prediction(label=label, probability=p) for label, p in (("cow", 0.9), ("cat", 0.4), ("dog", 0.55)))


def test_the_most_probable_of_the_tasks_classes_is_filled_in() -> None:
    assert read_answer(task(), prelabel(task(), PREDICTED)).labels == ("dog",)


def test_of_several_classes_the_likely_ones_are_ticked() -> None:
    multi = task(TaskKind.MULTI_LABEL)
    assert read_answer(multi, prelabel(multi, PREDICTED)).labels == ("dog",)


@pytest.mark.parametrize("kind", sorted(set(TaskKind) - {TaskKind.CLASS, TaskKind.MULTI_LABEL}))
def test_kinds_without_classes_are_not_filled_in(kind: TaskKind) -> None:
    assert prelabel(task(kind), PREDICTED) == []


def test_before_the_first_head_nothing_is_filled_in() -> None:
    assert prelabel(task(), ()) == []
