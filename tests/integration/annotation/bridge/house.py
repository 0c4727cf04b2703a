"""A bridge over a real Label Studio, driven step by step, with the log in memory."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import Engine

from annotation.label_studio.client.label_studio import LabelStudio
from annotation.label_studio.client.rows import TaskRow
from annotation.label_studio.config import LabelStudioConfig
from annotation.label_studio.exporter import Exporter
from annotation.label_studio.intake import Intake
from annotation.label_studio.outbox import Outbox
from annotation.label_studio.sending.drafts import Desk
from annotation.label_studio.stage import bridge_stage
from annotation.label_studio.tables import metadata
from annotation.label_studio.templates.answers import Answer
from annotation.label_studio.templates.writing import write_answer
from annotation.tasks import TaskConfig
from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from schemas.annotations import AnnotationRequested, Arm, Prediction
from schemas.event import Event
from schemas.items import MediaRef, Modality
from streams.letters import Letter, read_letter
from streams.memory import MemoryBroker, MemoryProducer
from streams.record import Origin
from streams.stage import BatchStage, Incoming, Outcome

PREFIX = "p"
COMPLETED = "p.annotations.completed.v1"
LETTERS = "p.bridge.dlq"
QUICK = {"settle_s": 0.0, "overlap_s": 0.0, "sweep_s": 3600.0}


def some_task(**fields: Any) -> TaskConfig:
    """A task whose project nobody else has."""
    given = {"name": f"t-{uuid4().hex[:12]}", "labels": ("good", "bad"), "modalities": (Modality.TEXT,)}
    return TaskConfig.model_validate({**given, **fields})


class House:
    """The bridge's parts; `export` and `take_in` run them until nothing is left to do.

    `through` is how the bridge reaches the server that people reach as `studio`.
    """

    def __init__(
        self,
        studio: LabelStudio,
        folder: Path,
        task: TaskConfig | None = None,
        through: LabelStudio | None = None,
        **settings: Any,
    ) -> None:
        self.studio = studio
        self.through = through or studio
        self.task = task or some_task()
        self.config = LabelStudioConfig(**{**QUICK, **settings})
        self.links = 0
        self.desk = Desk(self.task, self._link, self.config.prelabels, self.config.spread)
        self.engine: Engine = open_engine(MetadataConfig(url=f"sqlite:///{folder / 'bridge.db'}"))
        metadata.create_all(self.engine)
        self.broker = MemoryBroker({COMPLETED: 1, LETTERS: 1})
        self.outbox = Outbox(self.engine)
        self.stage: BatchStage = bridge_stage(self.outbox, [self.desk])
        self.restart()

    def restart(self) -> None:
        """As after a crash: only the tables know what was before."""
        parts = (self.engine, self.through, [self.desk], self.config, PREFIX)
        self.exporter = Exporter(*parts)
        self.intake = Intake(*parts, MemoryProducer(self.broker))

    def request(self, item: str, **fields: Any) -> AnnotationRequested:
        given = {
            "item_id": item,
            "version": 1,
            "task": self.task.name,
            "arm": Arm.ACTIVE,
            "strategy": "margin",
            "acquisition": 0.5,
            "model_version": "m1",
            "modality": Modality.TEXT,
            "text": f"text of {item}",
            "predicted": (Prediction(label="good", probability=0.6),),
        }
        return AnnotationRequested.model_validate({**given, **fields})

    def hear(self, *facts: Event) -> Sequence[Outcome]:
        return self.stage.outcomes([Incoming(fact, Origin("reqs", 0, at)) for at, fact in enumerate(facts)])

    def ask(self, *items: str, **fields: Any) -> None:
        """Requests, sent."""
        self.hear(*(self.request(item, **fields) for item in items))
        self.export()

    def export(self) -> None:
        while self.exporter.step():
            pass

    def take_in(self) -> None:
        while self.intake.step():
            pass

    @property
    def project(self) -> int:
        found = self.studio.find_project(f"millrace/{self.task.name}")
        assert found is not None
        return found.id

    def tasks(self) -> list[TaskRow]:
        """All tasks of the project, by id."""
        rows: list[TaskRow] = []
        while page := self.studio.tasks_by_keyset(self.project, rows[-1].id if rows else 0):
            rows += page
        return rows

    def task_of(self, item: str) -> TaskRow:
        [row] = self.studio.find_tasks(self.project, [item])[item]
        return row

    def answer(self, item: str, label: str = "good") -> int:
        """The annotation's id."""
        return self.annotate(item, write_answer(self.task, Answer(labels=(label,))))

    def annotate(self, item: str, result: Any, **fields: Any) -> int:
        row = self.studio.annotate(self.task_of(item).id, result, **fields)
        assert row is not None
        return row.id

    def facts(self) -> list[tuple[str, str, int]]:
        """What the log was told: kind, item and revision."""
        kinds = [(record.header("ce_type") or "").split(".")[1] for record in self.broker.records(COMPLETED)]
        bodies = [json.loads(record.value or b"") for record in self.broker.records(COMPLETED)]
        return [
            (kind.removeprefix("Annotation").lower(), body["item_id"], body["revision"])
            for kind, body in zip(kinds, bodies, strict=True)
        ]

    def letters(self) -> list[Letter]:
        return [read_letter(record) for record in self.broker.records(LETTERS)]

    def _link(self, ref: MediaRef) -> str:
        self.links += 1
        return f"http://127.0.0.1:1/{ref.uri}?signature={self.links}"
