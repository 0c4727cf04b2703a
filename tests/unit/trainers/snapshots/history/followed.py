"""A small history: two items, a snapshot, a model trained on it, its child, and what of them served."""

from sqlalchemy import Engine

from models.registry.records import Generation, Model, ModelKind
from models.registry.registry import Registry
from models.registry.stores.generations import add_generation
from schemas.annotations import Arm
from schemas.training import ReleaseKind
from tests.unit.trainers.snapshots.frozen import curated, label, manifest, row, settle, settled
from trainers.snapshots.catalogue.catalogue import ItemCatalogue
from trainers.snapshots.config import SnapshotConfig
from trainers.snapshots.manifest import Manifest
from trainers.snapshots.rows import Split
from trainers.snapshots.store import SnapshotStore

SNAPSHOT = manifest(
    row("dog", labels=(label("arts", revision=2),)),
    row("cat", labels=(label("news", arm=Arm.RANDOM),), split=Split.EVALUATION),
    row("cow"),
)


def model(version: str, parent: str | None, snapshot: Manifest | None = None) -> Model:
    sha256 = snapshot.sha256 if snapshot else ""
    made = {"parent_version": parent, "recipe": "default", "snapshot_sha256": sha256, "created_at_ms": int(version[-1])}
    return Model(version, ModelKind.ENCODER, version, **made)  # type: ignore[arg-type]


def served(number: int, version: str, before: str) -> Generation:
    return Generation(number, version, version, before, before, ReleaseKind.RELEASE, "", "gate", 1_000 * number)


def lived(engine: Engine, snapshots: SnapshotStore) -> None:
    """Writes the history."""
    catalogue, registry = ItemCatalogue(engine, SnapshotConfig()), Registry(engine)
    catalogue.write([curated("dog", 1), curated("cat", 1), curated("fox", 4)])
    settle(engine, [settled("dog", "arts", revision=2), settled("cat", "news", arm=Arm.RANDOM)])
    snapshots.put(SNAPSHOT)
    for one in (model("m-1", "m-0", SNAPSHOT), model("m-2", "m-1"), model("m-3", "m-2")):
        registry.models.register(one)
    with engine.begin() as connection:
        add_generation(connection, served(1, "m-1", "m-0"))
        add_generation(connection, served(2, "m-2", "m-1"))
