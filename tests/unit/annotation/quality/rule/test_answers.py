from typing import Any

import pytest

from annotation.quality.config import QualityConfig
from annotation.quality.measures.regions import Box, Span
from annotation.quality.rule.answers import Answer, alike, read_answer, word_f1
from annotation.tasks import TaskConfig, TaskKind
from streams.errors import BadRecord


def task(kind: TaskKind) -> TaskConfig:
    return TaskConfig(name="look", kind=kind, labels=("cat", "dog"))


def region(kind: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"id": "r1", "from_name": "a", "to_name": "b", "type": kind, "value": value}


CHOICE = region("choices", {"choices": ["cat"]})


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        (TaskKind.CLASS, CHOICE, Answer(labels=("cat",))),
        (TaskKind.MULTI_LABEL, region("choices", {"choices": ["dog", "cat"]}), Answer(labels=("cat", "dog"))),
        (TaskKind.PAIRWISE, region("pairwise", {"selected": "left"}), Answer(labels=("left",))),
        (TaskKind.RELEVANCE, region("rating", {"rating": 3}), Answer(labels=("3",))),
        (TaskKind.CAPTION, region("textarea", {"text": ["a red  car"]}), Answer(words="a red car")),
        (TaskKind.QUESTION_ANSWER, region("labels", {"start": 8, "end": 12, "text": "Rome"}), Answer(words="Rome")),
        (
            TaskKind.BOXES,
            region("rectanglelabels", {"x": 1, "y": 2, "width": 3, "height": 4, "rectanglelabels": ["cat"]}),
            Answer(regions=(Box(1, 2, 3, 4, "cat"),)),
        ),
        (
            TaskKind.AUDIO_SEGMENTS,
            region("labels", {"start": 0.5, "end": 2.25, "labels": ["dog"]}),
            Answer(regions=(Span(0.5, 2.25, "dog"),)),
        ),
        (
            TaskKind.VIDEO_SEGMENTS,
            region("timelinelabels", {"ranges": [{"start": 1, "end": 50}], "timelinelabels": ["dog"]}),
            Answer(regions=(Span(1, 51, "dog"),)),
        ),
    ],
)
def test_an_answer_of_each_kind_is_read(kind: TaskKind, given: dict[str, Any], said: Answer) -> None:
    assert read_answer(task(kind), [given]) == said


def test_an_empty_answer_to_a_class_question_is_a_skip() -> None:
    assert read_answer(task(TaskKind.CLASS), []) is None


def test_a_picture_without_boxes_is_an_answer() -> None:
    assert read_answer(task(TaskKind.BOXES), []) == Answer()


def test_two_classes_where_one_was_asked_for_are_refused() -> None:
    with pytest.raises(BadRecord, match="task look: 2 answers"):
        read_answer(task(TaskKind.CLASS), [region("choices", {"choices": ["cat", "dog"]})])


def test_a_class_that_the_task_does_not_have_is_refused() -> None:
    with pytest.raises(BadRecord, match="task look has no 'bird'"):
        read_answer(task(TaskKind.CLASS), [region("choices", {"choices": ["bird"]})])


@pytest.mark.parametrize("result", [[{"type": "choices"}], ["cat"], [region("choices", {"choices": "cat"})], [{}]])
def test_a_malformed_answer_is_refused_with_the_task_named(result: list[Any]) -> None:
    with pytest.raises(BadRecord, match="unreadable_answer: task look"):
        read_answer(task(TaskKind.CLASS), result)


def test_words_in_another_case_and_order_say_the_same() -> None:
    same = alike(task(TaskKind.CAPTION), QualityConfig())
    assert same(Answer(words="A red car."), Answer(words="a car, red"))
    assert not same(Answer(words="A red car."), Answer(words="two dogs"))


def test_word_agreement_counts_repetitions() -> None:
    assert word_f1("no no no", "no") == pytest.approx(0.5)
