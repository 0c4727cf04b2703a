"""From where a model begins that shall not know what was withdrawn.

Weights begin as their parent's, so a model knows whatever any of its ancestors was trained on.
"""

from collections.abc import Iterator

from models.registry.records import Model
from streams.errors import BadRecord
from trainers.jobs.workbench import Workbench
from trainers.snapshots.rows import Split


def unlearnt(version: str, bench: Workbench) -> str:
    """The newest model of the line that ends in `version` which knows nothing that is withdrawn by now.

    Where there is none it is the encoder of the settings, with which every line begins and which knows no item.
    """
    clean = bench.shelf.configured.version
    for model in reversed(list(_line(version, bench))):
        if _knows_withdrawn(model, bench):
            break
        clean = model.version
    return clean


def _line(version: str, bench: Workbench) -> Iterator[Model]:
    """The model and its ancestors, the newest first."""
    model = bench.registry.models.get(version)
    while model is not None:
        yield model
        model = bench.registry.models.get(model.parent_version) if model.parent_version else None


def _knows_withdrawn(model: Model, bench: Workbench) -> bool:
    """Also where that cannot be told any more."""
    try:
        rows = bench.snapshots.get(model.snapshot_sha256).of_split(Split.TRAIN) if model.snapshot_sha256 else ()
    except BadRecord:
        return True
    keys = {row.key for row in rows}
    return len(bench.catalogue.find(keys)) < len(keys)
