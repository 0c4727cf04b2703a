"""Requests as Label Studio's tasks and predictions. Pure.

Label Studio serves the lowest score first. In the active arm that is 1 - acquisition; in the random arm it is drawn
from the item, evenly over the same range, so that no model ever decides when a witness is asked.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import JsonValue

from annotation.label_studio.client.rows import PredictionDraft, TaskDraft, TaskRow
from annotation.label_studio.templates.data import task_data
from annotation.label_studio.templates.writing import prelabel
from annotation.tasks import TaskConfig
from schemas.annotations import AnnotationRequested, Arm, Purpose
from schemas.items import MediaRef

LinkOf = Callable[[MediaRef], str]
"""An address at which an annotator's browser finds the bytes."""

ITEM_VERSION = "item_version"
REQUEST = "request_id"


@dataclass(frozen=True, slots=True)
class Desk:
    """A task as people get it."""

    task: TaskConfig
    link_of: LinkOf
    prelabels: bool = True
    spread: bool = False

    def data(self, request: AnnotationRequested) -> dict[str, JsonValue]:
        """What the page shows, and whose task it is. Raises BadRecord for an item that the page cannot show."""
        shown = task_data(self.task, request.item_id, request, self.link_of)
        return {**shown, ITEM_VERSION: request.version}

    def draft(self, request: AnnotationRequested, model_version: str) -> TaskDraft:
        """The task to create. With `spread` its prediction is added afterwards: an import drops the cluster."""
        predictions = () if self.spread else (self.prediction(request, model_version),)
        return TaskDraft(self.data(request), {REQUEST: str(request.event_id)}, predictions)

    def prediction(self, request: AnnotationRequested, model_version: str) -> PredictionDraft:
        """What orders the task and, perhaps, what the annotator starts from."""
        result = prelabel(self.task, request.predicted) if self.shows_prelabel(request) else []
        return PredictionDraft(model_version, score_of(request), result, self._cluster(request))

    def shows_prelabel(self, request: AnnotationRequested) -> bool:
        """A witness, a gold task and a quarrel are judged without the model's word."""
        wanted = request.arm is Arm.ACTIVE and request.purpose == Purpose.LABEL
        return self.prelabels and wanted and bool(prelabel(self.task, request.predicted))

    def _cluster(self, request: AnnotationRequested) -> int | None:
        """The predicted class, or for a witness any."""
        if not self.spread:
            return None
        number = {label: number for number, label in enumerate(self.task.labels)}
        if request.arm is Arm.ACTIVE and request.predicted and request.predicted[0].label in number:
            return number[request.predicted[0].label]
        return int(drawn(request, "cluster") * max(1, len(number)))


def score_of(request: AnnotationRequested) -> float:
    """The lower, the sooner."""
    if request.arm is Arm.RANDOM or request.acquisition is None:
        return drawn(request, "score")
    return 1.0 - request.acquisition


def drawn(request: AnnotationRequested, salt: str) -> float:
    """A number in [0, 1) that depends on item and task alone."""
    name = "\n".join((salt, request.task, request.tenant, request.item_id))
    return int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[:6], "big") / 2**48


def item_version(row: TaskRow) -> int | None:
    """None for a task that the bridge did not make."""
    version = row.data.get(ITEM_VERSION)
    return version if isinstance(version, int) and not isinstance(version, bool) else None
