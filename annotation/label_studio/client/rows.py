"""What goes to Label Studio and what comes from it, typed. Fields that we do not use are left out."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BeforeValidator, JsonValue
from pydantic.dataclasses import dataclass

ITEM_ID = "item_id"
"""Key in a task's data that names the item; tasks are found by it."""

Regions = Sequence[Mapping[str, JsonValue]]
"""An answer or a pre-label in Label Studio's result format."""


def _id_of(user: Any) -> Any:
    """Users are given as an id in lists and as an object in single reads."""
    return user.get("id") if isinstance(user, Mapping) else user


def _or_empty(value: Any) -> Any:
    return [] if value is None else value


UserId = Annotated[int, BeforeValidator(_id_of)]
Result = Annotated[JsonValue, BeforeValidator(_or_empty)]


@dataclass(frozen=True, slots=True)
class PredictionDraft:
    """A pre-label. The task with the lowest score is served first, so `score` is 1 - acquisition."""

    model_version: str
    score: float
    result: Regions = ()
    cluster: int | None = None
    """Tasks of the least annotated cluster are served first. The task import drops it: add such ones afterwards."""

    def as_json(self) -> dict[str, Any]:
        fields = {"model_version": self.model_version, "score": self.score, "result": list(self.result)}
        return fields if self.cluster is None else {**fields, "cluster": self.cluster}


@dataclass(frozen=True, slots=True)
class TaskDraft:
    """A task to create. `data` names its item under `item_id`."""

    data: Mapping[str, JsonValue]
    meta: Mapping[str, JsonValue] = field(default_factory=dict)
    predictions: Sequence[PredictionDraft] = ()

    def as_json(self) -> dict[str, Any]:
        predictions = [draft.as_json() for draft in self.predictions]
        return {"data": dict(self.data), "meta": dict(self.meta), "predictions": predictions}


@dataclass(frozen=True, slots=True)
class ProjectRow:
    """A project, which is where one labelling task lives."""

    id: int
    title: str
    label_config: str = ""
    model_version: str | None = None
    """Of the predictions that decide what is served next; empty is none, and then the order is random."""
    sampling: str | None = None
    maximum_annotations: int = 1
    show_collab_predictions: bool | None = None
    task_number: int | None = None


@dataclass(frozen=True, slots=True)
class AnnotationRow:
    """One answer. `result` is what the server has, checked by nobody yet."""

    id: int
    updated_at: datetime
    created_at: datetime | None = None
    task: int | None = None
    """Not given where annotations come within their task."""
    completed_by: UserId | None = None
    updated_by: UserId | None = None
    result: Result = field(default_factory=list)
    was_cancelled: bool = False
    """A skip."""
    ground_truth: bool = False
    lead_time: float | None = None
    """Seconds."""
    unique_id: UUID | None = None
    """Given in webhooks and exports only."""


@dataclass(frozen=True, slots=True)
class PredictionRow:
    id: int
    task: int | None = None
    model_version: str | None = None
    score: float | None = None
    cluster: int | None = None
    result: Result = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task. Lists leave out what was not asked for."""

    id: int
    data: Mapping[str, JsonValue] = field(default_factory=dict)
    meta: Mapping[str, JsonValue] | None = None
    updated_at: datetime | None = None
    overlap: int | None = None
    is_labeled: bool | None = None
    annotations: tuple[AnnotationRow, ...] = ()
    predictions: tuple[PredictionRow, ...] = ()
    queue: str | None = None
    """Why `next_task` served it."""

    @property
    def item_id(self) -> str | None:
        """None for a task that somebody else made."""
        found = self.data.get(ITEM_ID)
        return found if isinstance(found, str) else None


@dataclass(frozen=True, slots=True)
class WebhookRow:
    id: int
    url: str
    project: int | None = None
    actions: tuple[str, ...] = ()
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class UserRow:
    id: int
    email: str = ""
    username: str = ""
