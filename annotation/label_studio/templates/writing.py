"""Answers and pre-labels in Label Studio's result format."""

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from annotation.label_studio.templates.answers import Answer, Box, Span
from annotation.label_studio.templates.controls import CONTROLS, FRAME_RATE
from annotation.tasks import TaskConfig, TaskKind
from schemas.annotations import Prediction

Region = dict[str, JsonValue]

LIKELY = 0.5
"""From this probability on, a class of a multi-label task is ticked beforehand."""


def prelabel(task: TaskConfig, predicted: Sequence[Prediction]) -> list[Region]:
    """What the head believes, filled in for the annotator; empty where the kind has no classes, or none is likely."""
    known = [prediction for prediction in predicted if prediction.label in task.labels]
    if not known:
        return []
    if task.kind is TaskKind.CLASS:
        best = max(known, key=lambda prediction: prediction.probability)
        return write_answer(task, Answer(labels=(best.label,)))
    if task.kind is TaskKind.MULTI_LABEL:
        likely = tuple(prediction.label for prediction in known if prediction.probability >= LIKELY)
        return write_answer(task, Answer(labels=likely))
    return []


def write_answer(task: TaskConfig, answer: Answer) -> list[Region]:
    """The answer as an annotator's page would send it."""
    return [_region(task, number, value) for number, value in enumerate(_values(task, answer))]


def _values(task: TaskConfig, answer: Answer) -> list[Region]:
    """Value of each region; where a region needs more than a value, that stands under the empty key."""
    key = CONTROLS[task.kind].key
    if task.kind is TaskKind.BOXES:
        return [_box(box) for box in answer.boxes]
    if task.kind in (TaskKind.AUDIO_SEGMENTS, TaskKind.VIDEO_SEGMENTS):
        return [_span(task.kind, key, span) for span in answer.spans]
    text: list[JsonValue] = [answer.text] if answer.text else []
    contents: dict[TaskKind, JsonValue] = {
        TaskKind.CLASS: list(answer.labels),
        TaskKind.MULTI_LABEL: list(answer.labels),
        TaskKind.CAPTION: text,
        TaskKind.QUESTION_ANSWER: text,
        TaskKind.PAIRWISE: answer.choice,
        TaskKind.RELEVANCE: answer.rating,
    }
    content = contents[task.kind]
    return [{key: content}] if content else []


def _region(task: TaskConfig, number: int, value: Region) -> Region:
    control = CONTROLS[task.kind]
    beside = value.pop("", None)
    more = beside if isinstance(beside, Mapping) else {}
    return {
        "id": f"{control.name}{number}",
        "from_name": control.name,
        "to_name": control.shown,
        "type": control.type,
        "value": value,
        **more,
    }


def _box(box: Box) -> Region:
    value: Region = {
        "x": box.x,
        "y": box.y,
        "width": box.width,
        "height": box.height,
        "rotation": box.rotation,
        CONTROLS[TaskKind.BOXES].key: [box.label],
    }
    if box.picture is not None:
        width, height = box.picture
        value[""] = {"original_width": width, "original_height": height, "image_rotation": 0}
    return value


def _span(kind: TaskKind, key: str, span: Span) -> Region:
    if kind is TaskKind.AUDIO_SEGMENTS:
        return {"start": span.start_s, "end": span.end_s, "channel": 0, key: [span.label]}
    first, last = round(span.start_s * FRAME_RATE) + 1, round(span.end_s * FRAME_RATE)
    return {"ranges": [{"start": first, "end": last}], key: [span.label]}
