"""Builders that carry the boring fields of items, labels and snapshots."""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from annotation.tasks import TaskConfig
from models.encoders.config import EncoderConfig
from models.encoders.hashing import HashingEncoder
from models.labels.store import LabelStore, Standing, write_standings
from models.labels.tables import metadata as label_tables
from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from schemas.annotations import Arm
from schemas.event import Moment
from schemas.items import ItemCurated, ItemWithdrawn, MediaRef, Modality
from streams.errors import BadRecord
from streams.media.store import MediaStore
from trainers.snapshots.builder import Reserved, SnapshotBuilder, nobody
from trainers.snapshots.catalogue.catalogue import ItemCatalogue
from trainers.snapshots.config import SnapshotConfig
from trainers.snapshots.manifest import Manifest
from trainers.snapshots.rows import Row, TaskFacts, TaskLabel
from trainers.snapshots.store import SnapshotStore
from trainers.snapshots.tables import metadata

NOON: Moment = "2026-11-22T12:00:00Z"  # type: ignore[assignment]
TOPIC = TaskConfig(name="topic", labels=("arts", "news", "sport"))


def digest(content: str) -> str:
    return sha256(content.encode()).hexdigest()


def curated(item_id: str, version: int = 1, content: str | None = None, **fields: Any) -> ItemCurated:
    """A text, unless it has a medium."""
    words = f"the words of {item_id}" if content is None else content
    said = {"modality": Modality.TEXT, "text": words, "content_sha256": digest(words), "published_at": NOON}
    return ItemCurated(item_id=item_id, version=version, **(said | fields))


def picture(item_id: str, version: int = 1, content: str | None = None, **fields: Any) -> ItemCurated:
    """A picture with a caption; its bytes are nowhere."""
    sha = digest(content or f"the pixels of {item_id}")
    media = MediaRef(uri=f"media/{sha[:2]}/{sha}", sha256=sha, length=7, media_type="image/png")
    said = {"modality": Modality.IMAGE, "text": f"a picture of {item_id}", "media": media, "content_sha256": sha}
    return curated(item_id, version, **(said | fields))


def withdrawn(item_id: str, version: int, **fields: Any) -> ItemWithdrawn:
    return ItemWithdrawn(item_id=item_id, version=version, **fields)


def row(item_id: str, content: str | None = None, **fields: Any) -> Row:
    """A captioned picture, to be trained on."""
    said: dict[str, Any] = {"tenant": "default", "version": 1, "modality": Modality.IMAGE, "text": "a caption"}
    return Row(**(said | {"item_id": item_id, "content_sha256": digest(content or item_id)} | fields))


def label(*labels: str, task: str = "topic", arm: Arm = Arm.ACTIVE, revision: int = 0) -> TaskLabel:
    return TaskLabel(task, labels, 1.0, arm, revision)


def manifest(*rows: Row) -> Manifest:
    return Manifest.of("default", "m-0", [TaskFacts("topic", "default", "class", ("arts", "news", "sport"))], rows)


def settled(item_id: str, *labels: str, version: int = 1, arm: Arm = Arm.ACTIVE, **fields: Any) -> Standing:
    """What consensus keeps of an item's label."""
    said: dict[str, Any] = {"tenant": "default", "task": "topic", "reason": None, "trust": 0.9, "annotators": 1}
    return Standing(item_id=item_id, labels=labels, version=version, arm=arm, **(said | fields))


def settle(engine: Engine, standings: Iterable[Standing], before: Mapping[str, Standing] | None = None) -> None:
    """Writes labels as consensus does."""
    with engine.begin() as connection:
        write_standings(connection, [((before or {}).get(one.item_id), one) for one in standings])


def empty_engine() -> Engine:
    """A database in memory with the tables of labels and snapshots."""
    engine = open_engine(MetadataConfig(url="sqlite:///:memory:"))
    for tables in (metadata, label_tables):
        tables.create_all(engine)
    return engine


def labels_of(engine: Engine) -> LabelStore:
    return LabelStore(engine)


class Shelves:
    """Artifacts in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def put_bytes(self, content: bytes) -> str:
        name = sha256(content).hexdigest()
        self.kept[name] = content
        return name

    def get_bytes(self, sha256: str) -> bytes:
        if sha256 not in self.kept:
            raise BadRecord("artifact_missing", sha256)
        return self.kept[sha256]


class House:
    """What a builder stands on, on one database."""

    def __init__(self, engine: Engine, folder: Path, **config: object) -> None:
        self.engine = engine
        self.config = SnapshotConfig.model_validate({"evaluation_share": 0.0} | config)
        self.catalogue = ItemCatalogue(engine, self.config)
        self.snapshots = SnapshotStore(engine, Shelves())
        self.media = MediaStore.open(folder)

    def holds(self, *facts: ItemCurated | ItemWithdrawn) -> None:
        self.catalogue.write(facts)

    def freeze(self, *tasks: TaskConfig, reserved: Reserved = nobody) -> Manifest:
        parts = (self.catalogue, labels_of(self.engine), self.snapshots, self.media, self.config)
        builder = SnapshotBuilder(*parts, reserved)
        return builder.freeze("default", HashingEncoder(EncoderConfig()), tasks or (TOPIC,), "m-0")


def sides(frozen: Manifest) -> dict[str, str]:
    return {row.item_id: row.split.value for row in frozen.rows}
