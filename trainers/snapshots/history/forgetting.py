"""From where a model begins that shall not know what was withdrawn.

Weights begin as their parent's, so a model knows whatever any of its ancestors was trained on.
"""

from collections.abc import Iterator

from models.registry.records import Model
from models.registry.stores.models import Models
from streams.errors import BadRecord
from trainers.snapshots.catalogue.catalogue import ItemCatalogue
from trainers.snapshots.rows import Split
from trainers.snapshots.store import SnapshotStore


def unlearnt(version: str, models: Models, snapshots: SnapshotStore, catalogue: ItemCatalogue) -> str | None:
    """The newest model of the line that ends in `version` which knows nothing that is withdrawn by now.

    None where all of them do: before them is the encoder of the settings, which knows no item.
    """
    clean = None
    for model in reversed(list(_line(version, models))):
        if _knows_withdrawn(model, snapshots, catalogue):
            break
        clean = model.version
    return clean


def _line(version: str, models: Models) -> Iterator[Model]:
    """The model and its ancestors, the newest first."""
    model = models.get(version)
    while model is not None:
        yield model
        model = models.get(model.parent_version) if model.parent_version else None


def _knows_withdrawn(model: Model, snapshots: SnapshotStore, catalogue: ItemCatalogue) -> bool:
    """Also where that cannot be told any more."""
    try:
        rows = snapshots.get(model.snapshot_sha256).of_split(Split.TRAIN) if model.snapshot_sha256 else ()
    except BadRecord:
        return True
    keys = {row.key for row in rows}
    return len(catalogue.find(keys)) < len(keys)
