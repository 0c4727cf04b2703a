"""Answers out of Label Studio's result format. The server checks nothing, so everything is checked here."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn, TypeGuard

from annotation.label_studio.templates.answers import Answer, Box, Span
from annotation.label_studio.templates.controls import CONTROLS, EMPTY_IS_AN_ANSWER, FRAME_RATE, HIGHEST_RATING
from annotation.tasks import TaskConfig, TaskKind
from streams.errors import BadRecord

MALFORMED = "malformed_annotation"
LONGEST_TEXT = 100_000
MOST_REGIONS = 10_000
SLACK = 0.1
"""Percent by which a box may reach beyond its picture: pages round."""
WHOLE = 100.0

Region = Mapping[str, Any]


def read_answer(task: TaskConfig, result: object, where: str = "") -> Answer:
    """The typed answer. Raises BadRecord, which says what is wrong and `where`: name the Label Studio task there."""
    try:
        regions = _regions(task, result)
        if not regions and task.kind not in EMPTY_IS_AN_ANSWER:
            _wrong("it is empty")
        return _READERS[task.kind](task, regions)
    except _WrongError as error:
        raise BadRecord(MALFORMED, f"{where}: {error}" if where else str(error)) from None


class _WrongError(Exception):
    """Says what is wrong with an answer."""


def _wrong(words: str) -> NoReturn:
    raise _WrongError(words)


def _regions(task: TaskConfig, result: object) -> list[Region]:
    """The regions of the task's control. Relations, which people may draw between regions, are no answer."""
    if not isinstance(result, list | tuple) or len(result) > MOST_REGIONS:
        _wrong(f"the result is no list of at most {MOST_REGIONS} regions")
    regions = [region for region in result if not (isinstance(region, Mapping) and region.get("type") == "relation")]
    for number, region in enumerate(regions):
        _check(task, number, region)
    return regions


def _check(task: TaskConfig, number: int, region: object) -> None:
    control = CONTROLS[task.kind]
    if not isinstance(region, Mapping):
        _wrong(f"region {number} is no object")
    if region.get("from_name") != control.name or region.get("type") != control.type:
        found = f"{region.get('from_name')!r} of type {region.get('type')!r}"
        _wrong(f"region {number} is {found:.100}, not {control.name!r} of type {control.type!r}")
    if not isinstance(region.get("value"), Mapping):
        _wrong(f"region {number} has no value")


def _classes(task: TaskConfig, regions: Iterable[Region]) -> Answer:
    chosen = {label for region in regions for label in _labels(task, region)}
    if task.kind is TaskKind.CLASS and len(chosen) != 1:
        _wrong(f"{len(chosen)} classes are chosen, one is asked for")
    return Answer(labels=tuple(label for label in task.labels if label in chosen))


def _text(task: TaskConfig, regions: Iterable[Region]) -> Answer:
    """Several lines may come as one list, or as a region each."""
    key = CONTROLS[task.kind].key
    lines = [line for region in regions for line in _listed(region["value"].get(key))]
    if not all(isinstance(line, str) for line in lines):
        _wrong("the text is no text")
    text = "\n".join(lines).strip()
    if not 0 < len(text) <= LONGEST_TEXT:
        _wrong(f"the text has {len(text)} characters")
    return Answer(text=text)


def _boxes(task: TaskConfig, regions: Iterable[Region]) -> Answer:
    return Answer(boxes=tuple(_box(task, region) for region in regions))


def _box(task: TaskConfig, region: Region) -> Box:
    value, label = region["value"], _label(task, region)
    x, y, width, height = (_number(value, name) for name in ("x", "y", "width", "height"))
    rotation = _number({"rotation": 0, **value}, "rotation")
    inside = rotation != 0 or (min(x, y) >= -SLACK and max(x + width, y + height) <= WHOLE + SLACK)
    if min(width, height) <= 0 or not inside:
        _wrong(f"the box {x:g}, {y:g}, {width:g} x {height:g} does not lie in its picture")
    return Box(label, x, y, width, height, rotation, _picture(region))


def _picture(region: Region) -> tuple[int, int] | None:
    size = region.get("original_width"), region.get("original_height")
    width, height = (int(side) if _is_number(side) and side >= 1 else 0 for side in size)
    return (width, height) if width and height else None


def _audio(task: TaskConfig, regions: Iterable[Region]) -> Answer:
    return Answer(spans=tuple(_stretch(_label(task, region), region["value"], _seconds) for region in regions))


def _video(task: TaskConfig, regions: Iterable[Region]) -> Answer:
    """A region may have several ranges; frames count from 1, and the last one is included."""
    return Answer(
        spans=tuple(
            _stretch(_label(task, region), part, _frames)
            for region in regions
            for part in _listed(region["value"].get("ranges"))
        )
    )


def _stretch(label: str, value: object, seconds: Callable[[float, float], tuple[float, float]]) -> Span:
    if not isinstance(value, Mapping):
        _wrong("a range is no object")
    start_s, end_s = seconds(_number(value, "start"), _number(value, "end"))
    if not 0 <= start_s <= end_s:
        _wrong(f"a stretch from {start_s:g} s to {end_s:g} s")
    return Span(label, start_s, end_s)


def _seconds(start: float, end: float) -> tuple[float, float]:
    return start, end


def _frames(first: float, last: float) -> tuple[float, float]:
    return (first - 1) / FRAME_RATE, last / FRAME_RATE


def _pairwise(task: TaskConfig, regions: list[Region]) -> Answer:
    choice = _only(regions)["value"].get(CONTROLS[task.kind].key)
    if choice == "left":
        return Answer(choice="left")
    if choice == "right":
        return Answer(choice="right")
    _wrong(f"{choice!r:.100} is chosen, neither left nor right")


def _relevance(task: TaskConfig, regions: list[Region]) -> Answer:
    rating = _only(regions)["value"].get(CONTROLS[task.kind].key)
    if not _is_number(rating) or rating not in range(1, HIGHEST_RATING + 1):
        _wrong(f"the rating is {rating!r:.100}, not 1 to {HIGHEST_RATING}")
    return Answer(rating=int(rating))


def _only(regions: list[Region]) -> Region:
    if len(regions) != 1:
        _wrong(f"{len(regions)} answers are given, one is asked for")
    return regions[0]


def _labels(task: TaskConfig, region: Region) -> list[str]:
    labels = _listed(region["value"].get(CONTROLS[task.kind].key))
    for label in labels:
        if label not in task.labels:
            _wrong(f"{label!r:.100} is none of the task's labels")
    return labels


def _label(task: TaskConfig, region: Region) -> str:
    labels = _labels(task, region)
    if len(labels) != 1:
        _wrong(f"a region has {len(labels)} labels, one is asked for")
    return labels[0]


def _listed(value: object) -> list[Any]:
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        _wrong("a list is missing")
    return value


def _number(value: Region, name: str) -> float:
    number = value.get(name)
    if not _is_number(number):
        _wrong(f"{name} is {number!r:.100}, no number")
    return float(number)


def _is_number(value: object) -> TypeGuard[int | float]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return -1e12 < value < 1e12 and math.isfinite(value)


_READERS: Mapping[TaskKind, Callable[[TaskConfig, list[Region]], Answer]] = {
    TaskKind.CLASS: _classes,
    TaskKind.MULTI_LABEL: _classes,
    TaskKind.CAPTION: _text,
    TaskKind.QUESTION_ANSWER: _text,
    TaskKind.BOXES: _boxes,
    TaskKind.AUDIO_SEGMENTS: _audio,
    TaskKind.VIDEO_SEGMENTS: _video,
    TaskKind.PAIRWISE: _pairwise,
    TaskKind.RELEVANCE: _relevance,
}
