"""`millrace snapshots`: what was frozen to train on, how two snapshots differ, and snapshots as files for others."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic_core import to_json

from infra.cli.times import moment
from infra.cli.where import opened_metadata
from infra.settings import Settings, load_settings

if TYPE_CHECKING:  # the database is loaded by the commands that need it
    from sqlalchemy import Engine

    from trainers.snapshots.manifest import Manifest
    from trainers.snapshots.rows import Key
    from trainers.snapshots.store import Snapshot, SnapshotStore

app = typer.Typer(help="What was frozen to train on: list, compare, and take elsewhere.", no_args_is_help=True)

SHOWN = 10
"""Items of a list that are printed for people."""

Name = Annotated[str, typer.Argument(help="SHA-256, its beginning, or the number.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class Format(StrEnum):
    PARQUET = "parquet"
    """One file, media by reference."""
    WEBDATASET = "webdataset"
    """Tar files with the media."""


@app.command("list")
def list_snapshots(
    limit: Annotated[int, typer.Option(min=1, help="At most this many, the newest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List snapshots, the newest first."""
    found = _store(load_settings()).list(limit)
    if as_json:
        typer.echo(json_of(found))
        return
    for one in found:
        typer.echo(f"{one.number}\t{one.sha256[:16]}\t{moment(one.frozen_at_ms)}\t{in_words(one)}")
    if not found:
        typer.echo("no snapshot was frozen yet; training freezes one")


@app.command("show")
def show_snapshot(name: Name, as_json: AsJson = False) -> None:
    """Show what a snapshot holds, by side, modality, source, licence, task and class."""
    from trainers.snapshots.history.contents import contents

    store = _store(load_settings())
    snapshot = store.find(name)
    held = contents(store.get(snapshot.sha256))
    if as_json:
        typer.echo(json_of({**plain(snapshot), "contents": held}))
        return
    typer.echo(f"{snapshot.number}\t{snapshot.sha256}")
    typer.echo(f"  {in_words(snapshot)}; frozen {moment(snapshot.frozen_at_ms)} while {snapshot.live_version} served")
    for side, figures in held.items():
        for what, counts in figures.items():
            told = ", ".join(f"{count} {value}" for value, count in counts.items())
            typer.echo(f"  {side}, by {what}: {told or 'none'}")


@app.command("diff")
def show_difference(before: Name, after: Name, as_json: AsJson = False) -> None:
    """Show which items came, went, changed, or moved between sides."""
    from trainers.snapshots.history.difference import difference

    store = _store(load_settings())
    old, new = (store.get(store.find(name).sha256) for name in (before, after))
    found = difference(old, new)
    if as_json:
        typer.echo(json_of(found))
        return
    for what in ("added", "removed", "version_changed", "content_changed", "labels_changed"):
        _tell(what.replace("_", " "), [_item(key) for key in getattr(found, what)])
    _tell("moved", [f"{_item(move.key)} ({move.before.value} to {move.after.value})" for move in found.moved])


@app.command("export")
def export_snapshot(
    name: Name,
    to: Annotated[Path, typer.Option(help="Folder; made where it is missing.")],
    file_format: Annotated[Format, typer.Option("--format", help="How.")] = Format.PARQUET,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be written.")] = False,
) -> None:
    """Write a snapshot for other tools. Items withdrawn since are left out; an interrupted export goes on."""
    settings = load_settings()
    store = _store(settings)
    manifest = store.get(store.find(name).sha256)
    gone = _gone(settings, manifest)
    left = f"; {len(gone)} items withdrawn since are left out" if gone else ""
    if dry_run:
        typer.echo(f"would write {len(manifest.rows) - len(gone)} items to {to}{left}")
        return
    if file_format is Format.PARQUET:
        from trainers.snapshots.exports.parquet import write_parquet

        typer.echo(f"wrote {write_parquet(manifest, to, gone)}{left}")
        return
    typer.echo(f"{_sharded(settings, manifest, to, gone)}{left}")


def snapshot_store(settings: Settings, engine: "Engine") -> "SnapshotStore":
    """The snapshots of an installation."""
    from models.registry.artifacts.store import ArtifactStore
    from trainers.snapshots.store import SnapshotStore

    media = settings.media.resolved(settings.data_dir)
    return SnapshotStore(engine, ArtifactStore.open(settings.registry.place(settings.data_dir, media)))


def json_of(value: object) -> str:
    """As it is printed for programs."""
    return to_json(plain(value), indent=2).decode()


def plain(value: Any) -> Any:
    """Records as maps of their fields, and so on within."""
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: plain(each) for name, each in value._asdict().items()}
    if isinstance(value, Mapping):
        return {name: plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value


def in_words(one: "Snapshot") -> str:
    """How large a snapshot is."""
    return f"{one.train} train, {one.evaluation} evaluation, {one.excluded} excluded, {one.labels} labels"


def _store(settings: Settings) -> "SnapshotStore":
    return snapshot_store(settings, opened_metadata(settings))


def _gone(settings: Settings, manifest: "Manifest") -> "set[Key]":
    from trainers.snapshots.catalogue.catalogue import ItemCatalogue

    keys = {row.key for row in manifest.rows}
    return keys - ItemCatalogue(opened_metadata(settings), settings.snapshots).find(keys).keys()


def _sharded(settings: Settings, manifest: "Manifest", to: Path, gone: "set[Key]") -> str:
    from streams.media.store import MediaStore
    from trainers.snapshots.exports.webdataset import write_webdataset

    media = MediaStore.open(settings.media.resolved(settings.data_dir))
    with _shown() as on_shard:
        done = write_webdataset(manifest, to, media, settings.snapshots, gone, on_shard)
    again = f", {done.already_there} of them there already" if done.already_there else ""
    without = f"; the media of {len(done.without_media)} are gone" if done.without_media else ""
    return f"wrote {done.items} items in {done.shards} shards{again}{without}"


@contextmanager
def _shown() -> "Iterator[Callable[[int, int], None]]":
    """A bar on a terminal, a line for each shard elsewhere."""
    if not sys.stderr.isatty():
        yield lambda done, total: typer.echo(f"{done} of {total} items", err=True)
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("items", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _tell(what: str, items: Sequence[Any]) -> None:
    more = ", …" if len(items) > SHOWN else ""
    typer.echo(f"{what}: {len(items)}" + (f"  {', '.join(items[:SHOWN])}{more}" if items else ""))


def _item(key: "Key") -> str:
    return f"{key.tenant}/{key.item_id}"
