"""What annotators see of a task: the label config, and the other settings of its project."""

import re
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from annotation.label_studio.templates.controls import (
    CONTROLS,
    EMPTY_IS_AN_ANSWER,
    FRAME_RATE,
    HIGHEST_RATING,
    ITEM,
    OTHER,
    content_key,
    second_key,
)
from annotation.tasks import WITH_LABELS, TaskConfig, TaskKind
from streams.errors import Misconfigured

OBJECTS = {"text": "Text", "image": "Image", "audio": "Audio", "video": "Video", "html": "HyperText"}
SIDE_BY_SIDE = "display:grid;grid-template-columns:1fr 1fr;gap:1em"
MANY_LABELS = 10
"""From this number on a list of labels has a field to search in."""
CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff]")


def label_config(task: TaskConfig) -> str:
    """The page as Label Studio's XML. Raises Misconfigured where labels or question cannot be written in it."""
    page = Element("View")
    SubElement(page, "Header", value=_plain(task, task.question or task.name))
    if task.kind is TaskKind.RELEVANCE:
        SubElement(page, "Text", name="query", value="$query")
    if task.kind is TaskKind.PAIRWISE:
        _pair(page, task)
    else:
        _control(page, task)  # above the item, as large ones push what is below them out of sight
        _shown(page, ITEM, content_key(task))
    indent(page)
    return tostring(page, encoding="unicode")


def project_fields(task: TaskConfig) -> dict[str, Any]:
    """Settings of the project beside title and label config."""
    return {
        "sampling": "Uncertainty sampling",  # lowest score first
        "maximum_annotations": task.annotators,
        "skip_queue": "REQUEUE_FOR_OTHERS",
        "show_skip_button": True,
        "enable_empty_annotation": task.kind in EMPTY_IS_AN_ANSWER,
        "expert_instruction": task.question,
    }


def _shown(page: Element, name: str, key: str, value: str | None = None) -> None:
    shown = SubElement(page, OBJECTS[key], {"name": name, "value": f"${value or key}"})
    if key == "video":
        shown.set("framerate", str(FRAME_RATE))
    if key == "html":
        shown.set("inline", "true")


def _pair(page: Element, task: TaskConfig) -> None:
    key = content_key(task)
    SubElement(page, "Pairwise", name=CONTROLS[task.kind].name, toName=f"{ITEM},{OTHER}")
    beside = SubElement(page, "View", style=SIDE_BY_SIDE)
    _shown(beside, ITEM, key)
    _shown(beside, OTHER, key, second_key(key))


def _control(page: Element, task: TaskConfig) -> None:
    tag, choice, more = _TAGS[task.kind]
    name = CONTROLS[task.kind].name
    if task.kind in WITH_LABELS and len(task.labels) >= MANY_LABELS:
        SubElement(page, "Filter", name="filter", toName=name, minlength="0", placeholder="Filter")
    control = SubElement(page, tag, {"name": name, "toName": ITEM, **more})
    for label in task.labels if choice else ():
        SubElement(control, choice, value=_label(task, label))


_TEXT_AREA = ("TextArea", "", {"maxSubmissions": "1", "required": "true", "editable": "true"})
_TAGS: dict[TaskKind, tuple[str, str, dict[str, str]]] = {
    TaskKind.CLASS: ("Choices", "Choice", {"choice": "single", "required": "true", "showInline": "true"}),
    TaskKind.MULTI_LABEL: ("Choices", "Choice", {"choice": "multiple", "showInline": "true"}),
    TaskKind.CAPTION: _TEXT_AREA,
    TaskKind.QUESTION_ANSWER: _TEXT_AREA,
    TaskKind.BOXES: ("RectangleLabels", "Label", {}),
    TaskKind.AUDIO_SEGMENTS: ("Labels", "Label", {}),
    TaskKind.VIDEO_SEGMENTS: ("TimelineLabels", "Label", {}),
    TaskKind.RELEVANCE: ("Rating", "", {"maxRating": str(HIGHEST_RATING), "required": "true"}),
}
"""Tag, tag of each label, and attributes."""


def _label(task: TaskConfig, label: str) -> str:
    if label != label.strip() or label.startswith("$"):
        raise Misconfigured(
            f"labelling task {task.name}: the label {label!r} begins or ends with white space, or begins with $, "
            "which Label Studio takes for the name of a column"
        )
    return _plain(task, label)


def _plain(task: TaskConfig, words: str) -> str:
    if CONTROL_CHARACTERS.search(words):
        raise Misconfigured(f"labelling task {task.name}: {words!r} has characters that cannot be shown")
    return f" {words}" if words.startswith("$") else words
