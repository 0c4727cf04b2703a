"""What a trainer works with, and what comes out of a job."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from models.encoders.config import EncoderConfig
from models.mined.store import MinedStore
from models.registry.artifacts.store import ArtifactStore
from models.registry.records import Job, Model, Progress
from models.registry.registry import Registry
from models.registry.shelf import Shelf
from models.registry.standing import Watch
from schemas.event import Event
from schemas.training import ModelTrained
from streams.media.store import MediaStore
from trainers.loop.config import TrainingConfig
from trainers.snapshots.builder import SnapshotBuilder
from trainers.snapshots.catalogue.catalogue import ItemCatalogue
from trainers.snapshots.labelled import Task
from trainers.snapshots.store import SnapshotStore

Tell = Callable[[Progress], None]
Stop = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Workbench:
    """What a trainer works with."""

    registry: Registry
    watch: Watch
    shelf: Shelf
    catalogue: ItemCatalogue
    builder: SnapshotBuilder
    snapshots: SnapshotStore
    artifacts: ArtifactStore
    media: MediaStore
    mined: MinedStore
    tasks: Sequence[Task]
    encoder: EncoderConfig
    config: TrainingConfig
    folder: Path
    """Each job has a folder of its own in it."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A model and the fact that it exists."""

    model: Model
    fact: ModelTrained


def cause_of(job: Job) -> Event:
    """The request, as far as what follows from it needs it."""
    return Event(event_id=UUID(job.request_id), traceparent=job.traceparent)
