"""`millrace lineage`: what a model was trained on, and which models know an item or a label."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.snapshots import in_words, json_of, snapshot_store
from infra.cli.times import moment
from infra.cli.where import opened_metadata
from infra.settings import load_settings
from streams.errors import Misconfigured

if TYPE_CHECKING:  # the database is loaded by the commands that need it
    from trainers.snapshots.history.lineage import ItemLineage, Lineage, ModelLineage, Served


class Kind(StrEnum):
    MODEL = "model"
    ITEM = "item"
    LABEL = "label"


def lineage(
    name: Annotated[
        str, typer.Argument(metavar="MODEL|ITEM|LABEL", help="Version or alias; [tenant/]item; task/item.")
    ],
    kind: Annotated[Kind | None, typer.Option("--as", help="Where a name could be several things.")] = None,
    tenant: Annotated[str | None, typer.Option(help="Whose item or label.")] = None,
    items: Annotated[int, typer.Option(min=0, help="Show this many of a model's items.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Follow a model back to its data, or an item or a label on to the models and generations that know it."""
    from models.registry.registry import Registry
    from trainers.snapshots.catalogue.catalogue import ItemCatalogue
    from trainers.snapshots.history.lineage import Lineage

    settings = load_settings()
    engine = opened_metadata(settings)
    catalogue = ItemCatalogue(engine, settings.snapshots)
    lines = Lineage(engine, Registry(engine), snapshot_store(settings, engine), catalogue)
    model = lines.of_model(name, items) if kind in (None, Kind.MODEL) else None
    found = [] if model else _named(lines, name, kind, tenant)
    if model is None and not found:
        raise Misconfigured(
            f"there is no {kind.value if kind else 'model, item or label'} {name}; a model is named as in "
            "`millrace models list`, an item by its id, a label by its task and item: task/item"
        )
    if as_json:
        typer.echo(json_of({"model": model} if model else {"items": found}))
        return
    if model:
        _show_model(model)
    for one in found:
        _show_item(one)


def _named(lines: "Lineage", name: str, kind: Kind | None, tenant: str | None) -> "list[ItemLineage]":
    """A label, an item by its tenant, or an item whose id is the whole name: whatever is there first."""
    first, slash, rest = name.partition("/")
    found: list[ItemLineage] = []
    if slash and kind in (None, Kind.LABEL):
        found = lines.of_label(first, rest, tenant)
    if slash and not found and kind in (None, Kind.ITEM) and tenant in (None, first):
        found = lines.of_item(rest, first)
    if not found and kind in (None, Kind.ITEM):
        found = lines.of_item(name, tenant)
    return found


def _show_model(found: "ModelLineage") -> None:
    model = found.model
    typer.echo(f"model {model.version} ({model.kind.value}), registered {moment(model.created_at_ms)}")
    _tell("parents", found.ancestors)
    _tell("children", found.children)
    typer.echo(f"  recipe: {model.recipe or 'none'} {model.recipe_sha256[:16]}, job {model.job_id or 'none'}")
    if found.snapshot:
        typer.echo(f"  snapshot: {found.snapshot.number} {found.snapshot.sha256[:16]}, {in_words(found.snapshot)}")
        _tell("trained on", [f"{key.tenant}/{key.item_id}" for key in found.items], found.snapshot.train)
    _tell("served as", [_generation(one) for one in found.generations])


def _show_item(found: "ItemLineage") -> None:
    state = "never curated" if found.version is None else f"version {found.version}"
    typer.echo(f"{found.key.tenant}/{found.key.item_id}: {state}{', withdrawn' if found.withdrawn else ''}")
    for label in found.labels:
        said = ", ".join(label.labels) or "no class" if label.settled else f"unsettled ({label.reason})"
        about = f"{label.arm.value} arm, trust {label.trust:.2f}, revision {label.revision}"
        typer.echo(f"  label {label.task}: {said}; {about}, of version {label.version}")
    for one in found.snapshots:
        labels = ", ".join(f"{task} revision {revision}" for task, revision in one.labels.items())
        typer.echo(
            f"  snapshot {one.snapshot.number} {one.snapshot.sha256[:16]}: {one.split.value}, version {one.version}"
            + (f", {labels}" if labels else "")
        )
    models = [f"{one.version}{f' (through {one.through})' if one.through else ''}" for one in found.models]
    _tell("models that know it", models)
    _tell("generations that served with it", [_generation(one) for one in found.generations])


def _tell(what: str, values: Any, total: int | None = None) -> None:
    values = list(values)
    more = f" and {total - len(values)} more" if total is not None and total > len(values) else ""
    typer.echo(f"  {what}: {', '.join(values) or 'none'}{more}")


def _generation(served: "Served") -> str:
    return f"generation {served.generation} ({served.model_version}, {moment(served.at_ms)})"
