"""A bench for trainers: real parts on one database in a file, and the encoder that needs no weights unless told so."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from models.encoders.config import EncoderConfig, EncoderKind
from models.labels.store import LabelStore
from models.labels.tables import metadata as label_tables
from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from models.mined.store import MinedStore
from models.mined.tables import metadata as mined_tables
from models.registry.artifacts.store import ArtifactStore
from models.registry.records import Job, Lease, Model, ModelKind
from models.registry.registry import Registry
from models.registry.shelf import Shelf
from models.registry.standing import Watch
from models.registry.stores.announcements import TRAINING
from schemas.event import Event
from schemas.training import ModelTrained, TrainingProgressed, TrainingRequested
from streams.clock import Clock
from streams.media.store import MediaStore
from tests.contract.clocks import HandClock
from tests.contract.registry import SHA
from tests.unit.trainers.snapshots.frozen import TOPIC
from trainers.jobs.workbench import Stop, Tell, Trained, Workbench, cause_of
from trainers.loop.config import TrainingConfig
from trainers.snapshots.builder import SnapshotBuilder
from trainers.snapshots.catalogue.catalogue import ItemCatalogue
from trainers.snapshots.config import SnapshotConfig
from trainers.snapshots.labelled import Task
from trainers.snapshots.store import SnapshotStore

HASHING = EncoderConfig(kind=EncoderKind.HASHING)
LEASE_S = 60.0
PATIENCE_S = 60.0

Train = Callable[[Job, Path, Workbench, Tell, Stop], Trained]


class Bench:
    """A workbench, and what tests want to know of it."""

    def __init__(
        self,
        folder: Path,
        clock: Clock | None = None,
        encoder: EncoderConfig = HASHING,
        task: Task = TOPIC,
        busy_timeout_s: float = 10.0,
        **config: Any,
    ) -> None:
        (folder / "media").mkdir(parents=True, exist_ok=True)
        engine = open_engine(MetadataConfig(busy_timeout_s=busy_timeout_s).resolved(folder))
        self.engine = engine
        self.registry = Registry(engine, clock)
        self.registry.create_tables()
        for tables in (label_tables, mined_tables):
            tables.create_all(engine)
        artifacts = ArtifactStore.open(folder / "artifacts")
        shelf = Shelf(encoder, self.registry.models, artifacts, folder / "models")
        snapshots, media = SnapshotStore(engine, artifacts), MediaStore.open(folder / "media")
        snapshots.create_tables()
        frozen = SnapshotConfig()
        self.catalogue = ItemCatalogue(engine, frozen)
        builder = SnapshotBuilder(self.catalogue, LabelStore(engine), snapshots, media, frozen)
        self.work = Workbench(
            self.registry,
            Watch(self.registry, shelf.configured.version, refresh_s=0),
            shelf,
            self.catalogue,
            builder,
            snapshots,
            artifacts,
            media,
            MinedStore(engine),
            (task,),
            encoder,
            TrainingConfig.model_validate({"accelerator": "cpu", "lease_s": LEASE_S} | config),
            folder / "training",
        )

    def ask(self, job_id: str = "job-1", **fields: Any) -> TrainingRequested:
        """Puts a job into the queue."""
        fact = TrainingRequested(job_id=job_id, **({"cause": "manual", "recipe": "smoke"} | fields))
        self.registry.jobs.submit(fact)
        return fact

    def job(self, job_id: str = "job-1") -> Job:
        found = self.registry.jobs.get(job_id)
        assert found is not None
        return found

    def claimed(self, owner: str = "somebody") -> Lease:
        lease = self.registry.jobs.claim(owner, LEASE_S)
        assert lease is not None
        return lease

    def told(self) -> list[Event]:
        """All that waits to be published."""
        return self.registry.announcements(TRAINING).waiting()

    def progressed(self) -> list[TrainingProgressed]:
        return [fact for fact in self.told() if isinstance(fact, TrainingProgressed)]

    def trained(self) -> list[ModelTrained]:
        return [fact for fact in self.told() if isinstance(fact, ModelTrained)]


def wall_clock() -> HandClock:
    """Stands still at now: a trainer's own waiting goes by the time of day."""
    return HandClock(time.time())


def made(job: Job, version: str = "", **fields: Any) -> Trained:
    """What a training that takes no time comes to."""
    name = version or f"model-of-{job.job_id}"
    said = {"recipe_sha256": SHA, "snapshot_sha256": SHA, "job_id": job.job_id}
    model = Model(name, ModelKind.ENCODER, name, **(said | fields))
    fact = ModelTrained.following(
        cause_of(job),
        job_id=job.job_id,
        model_version=name,
        snapshot_sha256=model.snapshot_sha256,
        recipe_sha256=model.recipe_sha256,
        artifacts=(),
        seconds=0.0,
    )
    return Trained(model, fact)


def until(true: Callable[[], bool], what: str) -> None:
    """Waits for what another thread does."""
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, f"in vain: {what}"
        time.sleep(0.01)
