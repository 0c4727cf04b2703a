"""Tasks that the tests of this folder share."""

from annotation.tasks import TaskConfig, TaskKind
from schemas.items import Modality

ANY = (Modality.TEXT, Modality.IMAGE, Modality.AUDIO, Modality.VIDEO)


def task(kind: TaskKind = TaskKind.CLASS, **fields: object) -> TaskConfig:
    return TaskConfig.model_validate(
        {"name": "task", "kind": kind, "labels": ("cat", "dog"), "modalities": ANY} | fields
    )
