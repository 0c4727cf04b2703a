"""What an answer says, read from Label Studio's result format, and how far two answers to one task say the same."""

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from annotation.quality.config import QualityConfig
from annotation.quality.measures.regions import Box, Span, box_f1, span_iou
from annotation.tasks import TaskConfig, TaskKind
from streams.errors import BadRecord

RATINGS = ("1", "2", "3", "4")
SIDES = ("left", "right")
OPEN_KINDS = frozenset(
    {TaskKind.CAPTION, TaskKind.QUESTION_ANSWER, TaskKind.BOXES, TaskKind.AUDIO_SEGMENTS, TaskKind.VIDEO_SEGMENTS}
)
"""Kinds whose possible answers cannot be counted."""
MAY_BE_EMPTY = frozenset({TaskKind.MULTI_LABEL, TaskKind.BOXES, TaskKind.AUDIO_SEGMENTS, TaskKind.VIDEO_SEGMENTS})
"""Kinds in which nothing marked is an answer; in the others it is a skip."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one person said. Of the three, only what the kind of the task asks for is filled."""

    labels: tuple[str, ...] = ()
    """Chosen classes, sorted; the side of a pair, the grade of a relevance."""
    words: str = ""
    regions: tuple[Box, ...] | tuple[Span, ...] = ()


def possible_answers(task: TaskConfig) -> tuple[str, ...]:
    """What can be chosen in a task whose answers can be counted; empty for the others."""
    return {TaskKind.PAIRWISE: SIDES, TaskKind.RELEVANCE: RATINGS}.get(
        task.kind, () if task.kind in OPEN_KINDS else task.labels
    )


def read_answer(task: TaskConfig, result: Sequence[Any]) -> Answer | None:
    """The answer in a result; None where nothing was answered. Raises BadRecord, naming the task."""
    try:
        answer = _READERS[task.kind](result)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadRecord("unreadable_answer", f"task {task.name}: {type(error).__name__}: {error}"[:300]) from error
    named = {region.label for region in answer.regions} or set(answer.labels)
    if strangers := sorted(named - set(possible_answers(task) or task.labels)):
        raise BadRecord("unknown_label", f"task {task.name} has no {strangers[0][:100]!r}")
    if task.kind not in MAY_BE_EMPTY and not (answer.labels or answer.words):
        return None
    if task.kind in (TaskKind.CLASS, TaskKind.PAIRWISE, TaskKind.RELEVANCE) and len(answer.labels) > 1:
        raise BadRecord("unreadable_answer", f"task {task.name}: {len(answer.labels)} answers where one was asked for")
    return answer


def alike(task: TaskConfig, config: QualityConfig) -> Callable[[Answer, Answer], bool]:
    """Whether two answers to the task say the same."""
    if task.kind is TaskKind.BOXES:
        return lambda one, other: box_f1(_boxes(one), _boxes(other), config.box_iou) >= config.same_boxes
    if task.kind in (TaskKind.AUDIO_SEGMENTS, TaskKind.VIDEO_SEGMENTS):
        return lambda one, other: span_iou(_spans(one), _spans(other)) >= config.same_segments
    if task.kind in (TaskKind.CAPTION, TaskKind.QUESTION_ANSWER):
        return lambda one, other: word_f1(one.words, other.words) >= config.same_words
    return lambda one, other: one.labels == other.labels


def word_f1(one: str, other: str) -> float:
    """Harmonic mean of the shares of words that are in the other text too, each as often as it stands there.

    P. Rajpurkar et al., SQuAD (2016), without its list of articles, which knows one language only.
    """
    ours, theirs = Counter(_words(one)), Counter(_words(other))
    shared = (ours & theirs).total()
    return 2 * shared / (ours.total() + theirs.total()) if shared else float(ours == theirs)


def _choices(result: Sequence[Any]) -> Answer:
    """Choices, a side of a pair, or a rating."""
    chosen: set[str] = set()
    for region in result:
        value = region["value"]
        if region["type"] == "choices":
            chosen.update(_texts(value["choices"]))
        elif region["type"] == "pairwise":
            chosen.add(_text(value["selected"]))
        elif region["type"] == "rating":
            chosen.add(str(int(value["rating"])))
    return Answer(labels=tuple(sorted(chosen)))


def _text_answer(result: Sequence[Any]) -> Answer:
    found: list[str] = []
    for region in result:
        if region["type"] in ("textarea", "labels"):
            text = region["value"]["text"]
            found += [text] if isinstance(text, str) else _texts(text)
    return Answer(words=" ".join(" ".join(found).split()))


def _box_answer(result: Sequence[Any]) -> Answer:
    boxes = [
        _box(region["value"], label)
        for region in result
        if region["type"] == "rectanglelabels"
        for label in _texts(region["value"]["rectanglelabels"])
    ]
    return Answer(regions=tuple(sorted(boxes)))


def _box(value: dict[str, object], label: str) -> Box:
    x, y, width, height = (_number(value[name]) for name in ("x", "y", "width", "height"))
    return Box(x, y, width, height, label)


def _audio_answer(result: Sequence[Any]) -> Answer:
    spans = [
        Span(_number(region["value"]["start"]), _number(region["value"]["end"]), label)
        for region in result
        if region["type"] == "labels"
        for label in _texts(region["value"]["labels"])
    ]
    return Answer(regions=tuple(sorted(spans)))


def _video_answer(result: Sequence[Any]) -> Answer:
    spans = [
        Span(_number(each["start"]), _number(each["end"]) + 1, label)  # both frames belong to it
        for region in result
        if region["type"] == "timelinelabels"
        for label in _texts(region["value"]["timelinelabels"])
        for each in region["value"]["ranges"]
    ]
    return Answer(regions=tuple(sorted(spans)))


_READERS: dict[TaskKind, Callable[[Sequence[Any]], Answer]] = {
    TaskKind.CLASS: _choices,
    TaskKind.MULTI_LABEL: _choices,
    TaskKind.PAIRWISE: _choices,
    TaskKind.RELEVANCE: _choices,
    TaskKind.CAPTION: _text_answer,
    TaskKind.QUESTION_ANSWER: _text_answer,
    TaskKind.BOXES: _box_answer,
    TaskKind.AUDIO_SEGMENTS: _audio_answer,
    TaskKind.VIDEO_SEGMENTS: _video_answer,
}


def _boxes(answer: Answer) -> list[Box]:
    return [region for region in answer.regions if isinstance(region, Box)]


def _spans(answer: Answer) -> list[Span]:
    return [region for region in answer.regions if isinstance(region, Span)]


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} where a text should be")
    return value


def _texts(values: Iterable[object]) -> list[str]:
    if not isinstance(values, list | tuple):
        raise TypeError(f"{type(values).__name__} where a list should be")
    return [_text(value) for value in values]


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{type(value).__name__} where a number should be")
    return float(value)


def _words(text: str) -> list[str]:
    kept = (character if character.isalnum() else " " for character in unicodedata.normalize("NFKC", text).casefold())
    return "".join(kept).split()
