"""Where snapshots are kept: the manifest in the artifact store, what it holds of whom in the metadata database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from pydantic_core import from_json, to_json
from sqlalchemy import Connection, Engine, Row, and_, func, insert, select

from models.metadata.dialect import insert_into, take_turns
from streams.clock import Clock, SystemClock
from streams.errors import Misconfigured, Unavailable
from trainers.snapshots.manifest import Manifest, decoded
from trainers.snapshots.rows import Key, Split
from trainers.snapshots.splitting.sides import Past
from trainers.snapshots.tables import evaluation_items, metadata, snapshot_items, snapshots, trained_items

MAX_DIGITS = 9
"""Of a number; longer ones are digests."""


class Artifacts(Protocol):
    """Bytes by their SHA-256."""

    def put_bytes(self, content: bytes, /) -> str:
        """Stores them whole or not at all; their SHA-256. Raises Unavailable."""
        ...

    def get_bytes(self, sha256: str, /) -> bytes:
        """The bytes of that digest. Raises BadRecord where they are absent or others, or Unavailable."""
        ...


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is known of a snapshot without reading it."""

    sha256: str
    number: int
    """1, 2, 3 … as they were frozen."""
    project_id: str
    live_version: str
    tasks: tuple[str, ...]
    train: int
    evaluation: int
    excluded: int
    labels: int
    bytes: int
    frozen_at_ms: int


class Appearance(NamedTuple):
    """An item in a snapshot."""

    snapshot: Snapshot
    version: int
    split: Split
    labels: Mapping[str, int]
    """Revision of its label, by task."""


class SnapshotStore:
    """Keeps and finds snapshots. May be shared by threads and processes. Raises Unavailable with what it stands on."""

    def __init__(self, engine: Engine, artifacts: Artifacts, clock: Clock | None = None) -> None:
        self._engine = engine
        self._reading = engine.execution_options(reading=True)
        self._artifacts = artifacts
        self._clock = clock or SystemClock()

    def create_tables(self) -> None:
        """Creates the tables where they are missing; for tests, as migrations do it otherwise."""
        metadata.create_all(self._engine)

    def put(self, manifest: Manifest, past: Past | None = None) -> Snapshot:
        """Keeps a snapshot; one that is there already stays as it is. Nobody sees it before its bytes are stored.

        `past` is what its sides were chosen by. Raises Unavailable if another snapshot was kept since.
        """
        content = manifest.encoded()
        self._artifacts.put_bytes(content)
        with self._engine.begin() as connection:
            take_turns(connection, "snapshots", ["number"])
            known = _find(connection, manifest.sha256)
            if known is not None:
                return known
            number = 1 + _newest(connection)
            if past is not None and past.snapshots != number - 1:
                raise Unavailable("another snapshot was frozen meanwhile; its sides count for this one: freeze it anew")
            kept = _snapshot_of(manifest, number, len(content), int(self._clock.time() * 1000))
            _write(connection, kept, manifest)
        return kept

    def get(self, sha256: str) -> Manifest:
        """The manifest of a snapshot, by its whole name. Raises BadRecord where its bytes are gone or others."""
        return decoded(self._artifacts.get_bytes(sha256))

    def find(self, name: str) -> Snapshot:
        """The snapshot of a digest, of the beginning of one, or of a number. Raises Misconfigured if not just one."""
        number = int(name) if name.isascii() and name.isdecimal() and len(name) <= MAX_DIGITS else -1
        beginning = snapshots.c.sha256.startswith(name, autoescape=True)
        query = select(snapshots).where((snapshots.c.number == number) | beginning)
        with self._reading.connect() as connection:
            found = [_snapshot(row) for row in connection.execute(query.limit(20))]
        exact = [one for one in found if one.number == number] or found
        if len(exact) != 1:
            said = f"several snapshots begin with {name}" if exact else f"there is no snapshot {name}"
            raise Misconfigured(f"{said}; `millrace snapshots list` shows what there is")
        return exact[0]

    def known(self, sha256: str) -> Snapshot | None:
        """The snapshot of a digest, if there is one."""
        with self._reading.connect() as connection:
            return _find(connection, sha256)

    def list(self, limit: int = 50) -> Sequence[Snapshot]:
        """The newest first."""
        query = select(snapshots).order_by(snapshots.c.number.desc()).limit(limit)
        with self._reading.connect() as connection:
            return [_snapshot(row) for row in connection.execute(query)]

    def past(self) -> Past:
        """What all snapshots measured with and trained on, of whatever project: any may be behind the live model."""
        measured, trained = evaluation_items.c, trained_items.c
        with self._reading.connect() as connection:
            newest = _newest(connection)  # first: what is kept while we read is then noticed by `put`
            ever_evaluated = connection.execute(select(measured.tenant, measured.item_id)).all()
            ever_trained = connection.execute(select(trained.tenant, trained.item_id, trained.content_sha256)).all()
        return Past(
            newest,
            frozenset(Key(row.tenant, row.item_id) for row in ever_evaluated),
            frozenset(Key(row.tenant, row.item_id) for row in ever_trained),
            frozenset(row.content_sha256 for row in ever_trained if row.content_sha256),
        )

    def appearances(
        self, item_id: str, tenant: str | None = None, limit: int = 1000
    ) -> dict[Key, Sequence[Appearance]]:
        """The snapshots that an item is in, the newest first; of every tenant that has one of that name."""
        ours = snapshot_items.c.item_id == item_id
        ours = ours if tenant is None else and_(ours, snapshot_items.c.tenant == tenant)
        query = select(snapshots, snapshot_items).join(snapshots, snapshots.c.number == snapshot_items.c.snapshot)
        found: dict[Key, list[Appearance]] = {}
        with self._reading.connect() as connection:
            for row in connection.execute(query.where(ours).order_by(snapshots.c.number.desc()).limit(limit)):
                held = _appearance(row._mapping)
                found.setdefault(Key(row.tenant, row.item_id), []).append(held)
        return dict(found)

    def items(self, snapshot: Snapshot, split: Split, limit: int) -> Sequence[Key]:
        """The first items of a side, by key."""
        ours = and_(snapshot_items.c.snapshot == snapshot.number, snapshot_items.c.split == split.value)
        query = select(snapshot_items.c.tenant, snapshot_items.c.item_id).where(ours)
        query = query.order_by(snapshot_items.c.tenant, snapshot_items.c.item_id).limit(limit)
        with self._reading.connect() as connection:
            return [Key(row.tenant, row.item_id) for row in connection.execute(query)]


def _find(connection: Connection, sha256: str) -> Snapshot | None:
    row = connection.execute(select(snapshots).where(snapshots.c.sha256 == sha256)).first()
    return None if row is None else _snapshot(row)


def _newest(connection: Connection) -> int:
    """Number of the newest snapshot; 0 where there is none."""
    return connection.execute(select(func.max(snapshots.c.number))).scalar() or 0


def _write(connection: Connection, kept: Snapshot, manifest: Manifest) -> None:
    fields = {column.name: getattr(kept, column.name) for column in snapshots.c}
    connection.execute(insert(snapshots), fields | {"tasks": to_json(kept.tasks).decode()})
    rows = [
        {
            "snapshot": kept.number,
            "tenant": row.tenant,
            "item_id": row.item_id,
            "version": row.version,
            "split": row.split.value,
            "labels": to_json({label.task: label.revision for label in row.labels}).decode(),
        }
        for row in manifest.rows
    ]
    measured = [
        {"snapshot": kept.number, "tenant": row.tenant, "item_id": row.item_id}
        for row in manifest.of_split(Split.EVALUATION)
    ]
    trained = [
        {
            "snapshot": kept.number,
            "tenant": row.tenant,
            "item_id": row.item_id,
            "content_sha256": row.content_sha256,
        }
        for row in manifest.of_split(Split.TRAIN)
    ]
    if rows:
        connection.execute(insert(snapshot_items), rows)
    for table, found in ((evaluation_items, measured), (trained_items, trained)):
        if found:
            connection.execute(insert_into(connection, table).on_conflict_do_nothing(), found)


def _snapshot_of(manifest: Manifest, number: int, length: int, at_ms: int) -> Snapshot:
    counts = manifest.counts()
    return Snapshot(
        manifest.sha256,
        number,
        manifest.project_id,
        manifest.live_version,
        tuple(task.name for task in manifest.tasks),
        counts[Split.TRAIN],
        counts[Split.EVALUATION],
        counts[Split.EXCLUDED],
        manifest.labels,
        length,
        at_ms,
    )


def _snapshot(row: Row[tuple[Any, ...]]) -> Snapshot:
    fields = {column.name: getattr(row, column.name) for column in snapshots.c}
    return Snapshot(**fields | {"tasks": tuple(from_json(row.tasks))})


def _appearance(row: Mapping[Any, Any]) -> Appearance:
    """From a row of both tables, which have a column `labels` each."""
    fields = {column.name: row[column] for column in snapshots.c}
    snapshot = Snapshot(**fields | {"tasks": tuple(from_json(fields["tasks"]))})
    table = snapshot_items.c
    return Appearance(snapshot, row[table.version], Split(row[table.split]), from_json(row[table.labels]))
