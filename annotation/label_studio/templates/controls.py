"""Names that the page, pre-labels and answers share: a change here orphans the answers that are there."""

from collections.abc import Mapping
from dataclasses import dataclass

from annotation.tasks import TaskConfig, TaskKind
from schemas.items import Modality
from streams.errors import Misconfigured

ITEM, OTHER = "item", "other"
"""Names of what is shown: the item, and the second one of a pair."""
HIGHEST_RATING = 4
FRAME_RATE = 25
"""Frames a second in which Label Studio counts a video's time, whatever the file's own are."""


@dataclass(frozen=True, slots=True)
class Control:
    """The part of the page that people answer with: its name, and the type and key of its values."""

    name: str
    type: str
    shown: str = ITEM
    """What it belongs to."""
    values: str = ""
    """Key of its value, where that is not the type."""

    @property
    def key(self) -> str:
        return self.values or self.type


CONTROLS: Mapping[TaskKind, Control] = {
    TaskKind.CLASS: Control("label", "choices"),
    TaskKind.MULTI_LABEL: Control("label", "choices"),
    TaskKind.CAPTION: Control("caption", "textarea", values="text"),
    TaskKind.QUESTION_ANSWER: Control("answer", "textarea", values="text"),
    TaskKind.BOXES: Control("box", "rectanglelabels"),
    TaskKind.AUDIO_SEGMENTS: Control("segment", "labels"),
    TaskKind.VIDEO_SEGMENTS: Control("segment", "timelinelabels"),
    TaskKind.PAIRWISE: Control("better", "pairwise", values="selected"),
    TaskKind.RELEVANCE: Control("relevance", "rating"),
}

BOUND: Mapping[TaskKind, Modality] = {
    TaskKind.BOXES: Modality.IMAGE,
    TaskKind.AUDIO_SEGMENTS: Modality.AUDIO,
    TaskKind.VIDEO_SEGMENTS: Modality.VIDEO,
}
"""Kinds that make sense for one modality only."""

EMPTY_IS_AN_ANSWER = frozenset({TaskKind.MULTI_LABEL, *BOUND})


def modalities_of(task: TaskConfig) -> tuple[Modality, ...]:
    """Those that the task's page can show. Raises Misconfigured where there is none."""
    bound = BOUND.get(task.kind)
    if bound is None:
        return task.modalities
    if bound not in task.modalities:
        raise Misconfigured(f"labelling task {task.name}: {task.kind.value} needs {bound.value} among its modalities")
    return (bound,)


def content_key(task: TaskConfig) -> str:
    """Key of the data that shows the item: its modality or, where a task has items of several, a piece of HTML."""
    modalities = modalities_of(task)
    return modalities[0].value if len(modalities) == 1 else "html"


def second_key(key: str) -> str:
    """Key of the data that shows the second one of a pair."""
    return f"other_{key}"
