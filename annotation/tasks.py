"""What annotators are asked: one task is one Label Studio project with one kind of answer."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.items import Modality


class TaskKind(StrEnum):
    """The kinds of answers there are templates for."""

    CLASS = "class"
    """One of `labels`."""
    MULTI_LABEL = "multi_label"
    """Any number of `labels`."""
    CAPTION = "caption"
    """A sentence about a medium."""
    QUESTION_ANSWER = "question_answer"
    BOXES = "boxes"
    """Rectangles in a picture, each with one of `labels`."""
    AUDIO_SEGMENTS = "audio_segments"
    VIDEO_SEGMENTS = "video_segments"
    PAIRWISE = "pairwise"
    """The better one of two."""
    RELEVANCE = "relevance"
    """How well an item answers a query, 1 to 4."""


WITH_LABELS = frozenset(
    {TaskKind.CLASS, TaskKind.MULTI_LABEL, TaskKind.BOXES, TaskKind.AUDIO_SEGMENTS, TaskKind.VIDEO_SEGMENTS}
)


class TaskConfig(BaseModel):
    """One question to annotators."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,39}$")]
    """In lower case, with dashes; facts about labels name it."""
    kind: TaskKind = TaskKind.CLASS
    labels: tuple[Annotated[str, Field(min_length=1, max_length=200)], ...] = ()
    """The classes that annotators choose from."""
    tenant: str = "default"
    """Whose items are asked about."""
    modalities: tuple[Modality, ...] = (Modality.TEXT, Modality.IMAGE)
    """Items of other modalities are no candidates."""
    sources: tuple[str, ...] = ()
    """Only items of these sources are candidates; empty means all."""
    question: str = ""
    """Shown above the item; the task's name where it is empty."""
    prompt: str = "a photo of a {label}"
    """The sentence by which the text tower sees a class."""
    annotators: Annotated[int, Field(ge=1, le=20)] = 1
    """How many people answer each item."""
    second_opinions: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the items, by lot, that one more person answers: what agreement is measured on."""

    @model_validator(mode="after")
    def _choices(self) -> "TaskConfig":
        if self.kind in WITH_LABELS and len(set(self.labels)) < 2:
            raise ValueError(f"a task of kind {self.kind.value} needs at least two different labels")
        return self


class LabellingConfig(BaseModel):
    """What is labelled. Without a task nothing is scored, selected or asked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tasks: tuple[TaskConfig, ...] = ()

    @model_validator(mode="after")
    def _distinct(self) -> "LabellingConfig":
        names = [task.name for task in self.tasks]
        if len(set(names)) < len(names):
            raise ValueError("two tasks have the same name")
        return self
