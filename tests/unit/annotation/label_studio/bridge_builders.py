"""Requests, tasks and answers with the boring fields filled in."""

from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import Engine, select

from annotation.label_studio.client.rows import AnnotationRow, TaskRow
from annotation.label_studio.outbox import Asked
from annotation.label_studio.sending.drafts import Desk
from annotation.label_studio.tables import metadata, requests
from annotation.tasks import TaskConfig
from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from schemas.annotations import AnnotationRequested, Arm, Prediction
from schemas.items import ItemWithdrawn, Modality

TASK = TaskConfig(name="mood", labels=("good", "bad"), modalities=(Modality.TEXT, Modality.IMAGE))
DESK = Desk(TASK, lambda ref: f"http://media/{ref.uri}")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def database() -> Engine:
    engine = open_engine(MetadataConfig(url="sqlite://"))
    metadata.create_all(engine)
    return engine


def request(item: str = "a", version: int = 1, part: int = 0, **fields: Any) -> AnnotationRequested:
    given = {
        "event_id": uuid5(NAMESPACE_URL, f"{item}/{version}/{part}"),
        "occurred_at": NOON,
        "traceparent": f"00-{'a' * 32}-{'b' * 16}-01",
        "item_id": item,
        "version": version,
        "task": TASK.name,
        "arm": Arm.ACTIVE,
        "strategy": "margin",
        "acquisition": 0.75,
        "model_version": "m1",
        "modality": Modality.TEXT,
        "text": f"text of {item}",
        "predicted": (Prediction(label="good", probability=0.6),),
    }
    return AnnotationRequested.model_validate({**given, **fields})


def asked(*facts: AnnotationRequested) -> list[Asked]:
    return [Asked(fact, f"annotations.requested/0/{offset}") for offset, fact in enumerate(facts)]


def withdrawn(item: str = "a", version: int = 1) -> ItemWithdrawn:
    return ItemWithdrawn(item_id=item, version=version)


def states(engine: Engine) -> dict[str, str]:
    """State of each request, by item and version and the number among those."""
    found: dict[str, str] = {}
    with engine.begin() as connection:
        for row in connection.execute(select(requests).order_by(requests.c.id)):
            name = f"{row.item_id}{row.version}"
            while name in found:
                name += "'"
            found[name] = row.state
    return found


def choice(label: str) -> list[Any]:
    return [{"from_name": "label", "to_name": "item", "type": "choices", "value": {"choices": [label]}}]


def annotation(number: int = 1, label: str = "good", **fields: Any) -> AnnotationRow:
    given = {"id": number, "updated_at": NOON, "completed_by": 7, "result": choice(label), "lead_time": 2.5}
    return AnnotationRow(**{**given, **fields})


def task(*annotations: AnnotationRow, number: int = 100, item: str = "a", version: int = 1, **fields: Any) -> TaskRow:
    given = {"id": number, "data": {"item_id": item, "item_version": version}, "updated_at": NOON}
    return TaskRow(**{**given, "annotations": annotations, **fields})
