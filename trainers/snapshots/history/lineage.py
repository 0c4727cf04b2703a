"""Lineage both ways: from a model to what it was trained on, from an item or a label to the models that know it.

A model knows what it was trained on itself, and what its ancestors were, since their weights are where it began.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydantic_core import from_json
from sqlalchemy import Engine, and_, select

from models.labels.tables import label_totals, settled_labels
from models.registry.records import Generation, Model
from models.registry.registry import Registry
from schemas.annotations import Arm
from trainers.snapshots.catalogue.catalogue import ItemCatalogue
from trainers.snapshots.rows import Key, Split
from trainers.snapshots.store import Appearance, Snapshot, SnapshotStore

MAX_MODELS = 10_000
"""Models whose parents are followed."""


@dataclass(frozen=True, slots=True)
class Served:
    """A generation in which a model served."""

    generation: int
    model_version: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class ModelLineage:
    """What a model comes from, and what came of it."""

    model: Model
    ancestors: tuple[str, ...]
    """The parent first."""
    children: tuple[str, ...]
    snapshot: Snapshot | None
    """None where it was not trained here."""
    items: tuple[Key, ...]
    """The first of those it was trained on."""
    generations: tuple[Served, ...]


@dataclass(frozen=True, slots=True)
class Trained:
    """A model that knows an item."""

    version: str
    through: str | None
    """The ancestor that was trained on it; None where it was the model itself."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a label stands now."""

    task: str
    settled: bool
    labels: tuple[str, ...]
    reason: str | None
    """Why there is no label."""
    arm: Arm
    trust: float
    revision: int
    version: int
    """Of the item that people saw."""


@dataclass(frozen=True, slots=True)
class ItemLineage:
    """An item, or its label for one task, and what knows it."""

    key: Key
    version: int | None
    """The newest one; None where the catalogue never saw it."""
    withdrawn: bool
    labels: tuple[Standing, ...]
    snapshots: tuple[Appearance, ...]
    """The newest first."""
    models: tuple[Trained, ...]
    generations: tuple[Served, ...]


class Lineage:
    """Answers where things come from and where they went. Raises Unavailable with the database."""

    def __init__(self, engine: Engine, registry: Registry, snapshots: SnapshotStore, catalogue: ItemCatalogue) -> None:
        self._reading = engine.execution_options(reading=True)
        self._registry = registry
        self._snapshots = snapshots
        self._catalogue = catalogue

    def of_model(self, name: str, items: int = 10) -> ModelLineage | None:
        """Of a model by its version or an alias; None where there is no such model."""
        alias = self._registry.generations.alias(name)
        model = self._registry.models.get(alias.version if alias else name)
        if model is None:
            return None
        models = self._registry.models.list(MAX_MODELS)
        snapshot = self._snapshots.known(model.snapshot_sha256) if model.snapshot_sha256 else None
        return ModelLineage(
            model,
            ancestors(model.version, models),
            tuple(one.version for one in models if one.parent_version == model.version),
            snapshot,
            tuple(self._snapshots.items(snapshot, Split.TRAIN, items)) if snapshot else (),
            tuple(map(_served, self._registry.generations.of_model(model.version))),
        )

    def of_item(self, item_id: str, tenant: str | None = None) -> list[ItemLineage]:
        """Of an item; where no tenant is named, of each that has labels or snapshots with an item of that name."""
        found = self._snapshots.appearances(item_id, tenant)
        keys = sorted({*found, *self._known(item_id, tenant)})
        return [self._lineage(key, self._standings(key), found.get(key, ())) for key in keys]

    def of_label(self, task: str, item_id: str, tenant: str | None = None) -> list[ItemLineage]:
        """Of the label of an item for a task: only snapshots and models that took this label."""
        found = self._snapshots.appearances(item_id, tenant)
        lineages = []
        for key in sorted({*found, *self._known(item_id, tenant)}):
            standings = [standing for standing in self._standings(key) if standing.task == task]
            taken = [one for one in found.get(key, ()) if task in one.labels]
            if standings or taken:
                lineages.append(self._lineage(key, standings, taken))
        return lineages

    def _lineage(self, key: Key, standings: Iterable[Standing], appearances: Sequence[Appearance]) -> ItemLineage:
        newest = self._catalogue.versions(key)
        trained = self._trained([one.snapshot.sha256 for one in appearances if one.split is Split.TRAIN])
        history = [each for one in trained for each in self._registry.generations.of_model(one.version)]
        return ItemLineage(
            key,
            newest[0] if newest else None,
            bool(newest and newest[1]),
            tuple(standings),
            tuple(appearances),
            trained,
            tuple(sorted(map(_served, history), key=lambda served: served.generation)),
        )

    def _trained(self, snapshots: Sequence[str]) -> tuple[Trained, ...]:
        direct = [model.version for sha256 in snapshots for model in self._registry.models.of_snapshot(sha256)]
        return knowing(direct, self._registry.models.list(MAX_MODELS)) if direct else ()

    def _known(self, item_id: str, tenant: str | None) -> list[Key]:
        keys = [Key(one, item_id) for one in (self._tenants() if tenant is None else [tenant])]
        return [key for key in keys if self._catalogue.versions(key) is not None]

    def _tenants(self) -> set[str]:
        """Those that items are looked for under where nobody names one: of the labels, and the default."""
        with self._reading.connect() as connection:
            return {"default", *connection.execute(select(label_totals.c.tenant).distinct()).scalars()}

    def _standings(self, key: Key) -> list[Standing]:
        tasks = select(label_totals.c.task).where(label_totals.c.tenant == key.tenant)
        table = settled_labels.c
        ours = and_(table.tenant == key.tenant, table.task.in_(tasks), table.item_id == key.item_id)
        with self._reading.connect() as connection:
            rows = connection.execute(select(settled_labels).where(ours).order_by(table.task)).all()
        return [
            Standing(
                row.task,
                bool(row.settled),
                tuple(from_json(row.labels)),
                row.reason,
                Arm(row.arm),
                row.trust,
                row.revision,
                row.version,
            )
            for row in rows
        ]


def ancestors(version: str, models: Iterable[Model]) -> tuple[str, ...]:
    """Parent, grandparent and so on, as far as they are known."""
    parents = {model.version: model.parent_version for model in models}
    line: list[str] = []
    parent = parents.get(version)
    while parent is not None and parent not in line:
        line.append(parent)
        parent = parents.get(parent)
    return tuple(line)


def knowing(direct: Sequence[str], models: Sequence[Model]) -> tuple[Trained, ...]:
    """The models trained on something, then those that descend from them, the nearest first."""
    children: Mapping[str, list[str]] = defaultdict(list)
    for model in reversed(models):
        if model.parent_version is not None:
            children[model.parent_version].append(model.version)
    found = {version: Trained(version, None) for version in direct}
    queue = [*found]
    for version in queue:
        for child in children.get(version, ()):
            if child not in found:
                found[child] = Trained(child, found[version].through or version)
                queue.append(child)
    return tuple(found.values())


def _served(generation: Generation) -> Served:
    return Served(generation.number, generation.model_version, generation.at_ms)
