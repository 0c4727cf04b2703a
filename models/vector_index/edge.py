"""The vector index in process: Qdrant Edge in a folder that one process owns.

What must be known before changing this file:

- The engine holds the interpreter's lock while it works, so a write stops every search for its length; writes are cut
  small for that reason. `EdgeShard.optimize` would stop the process for many seconds and is never called. Search is
  therefore an exact scan, fast up to some 100,000 points; a Qdrant server is the choice beyond.
- A full disk kills the process with SIGBUS, hence the check of free space before every write.
- An operation lies in the write-ahead log as a whole or not at all, and holds whole items: the death of the process
  leaves no half-written item.
- The engine takes a boolean in a condition for a number and then finds nothing: conditions are on keywords only.
- It raises nothing but bare `Exception`.
"""

import json
import os
import shutil
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import qdrant_edge as engine

from models.vector_index.config import VectorIndexConfig
from models.vector_index.keywords import document_weights
from models.vector_index.plan import Key, Write, decide, guarded, key_of
from models.vector_index.points import (
    ANY_TENANT,
    HEAD_FIELDS,
    KEYWORD_FIELDS,
    WORDS,
    AnyOf,
    Reach,
    head_of,
    is_trained,
    payloads,
    point_id,
    reach_of,
    space_of,
)
from models.vector_index.port import Applied, Candidate, Entry, Head, IndexQuery, Part
from models.vector_index.retrieval import Asked, Fetched, Ranking, found
from streams.errors import Misconfigured, Unavailable

MB = 1024 * 1024


def free_bytes(folder: Path) -> int:
    """Bytes on the folder's disk that a process may still write."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


class EdgeVectorIndex:
    """Qdrant Edge behind the port. Open it once in one process; any thread may search, writers take turns."""

    def __init__(
        self, shard: engine.EdgeShard, folder: Path, config: VectorIndexConfig, free: Callable[[Path], int]
    ) -> None:
        self._shard = shard
        self._folder = folder
        self._config = config
        self._free = free
        self._writing = threading.Lock()
        self._spaces = _spaces_in(folder)
        self._unflushed = 0
        self._closed = False

    @classmethod
    def open(
        cls, folder: Path, config: VectorIndexConfig | None = None, free: Callable[[Path], int] = free_bytes
    ) -> Self:
        """The index in a folder, created where there is none. Raises Misconfigured if it cannot be opened."""
        if not (folder / _CONFIG_FILE).exists():
            _create(folder)
        with _EngineErrors(lambda error: _unopened(folder, error)):
            shard = engine.EdgeShard.load(str(folder))
            shard.update(engine.UpdateOperation.create_field_index("rank", engine.PayloadSchemaType.Integer))
            for field in KEYWORD_FIELDS:
                shard.update(engine.UpdateOperation.create_field_index(field, engine.PayloadSchemaType.Keyword))
        return cls(shard, folder, config or VectorIndexConfig(), free)

    def ensure_space(self, model_version: str, dim: int) -> int:
        space = space_of(model_version)
        with self._writing:
            if space not in self._spaces:
                self._write(engine.UpdateOperation.create_dense_vector(space, dim, engine.Distance.Cosine))
                self._spaces = self._spaces | {space: dim}
        return self._spaces[space]

    def apply(self, entries: Sequence[Entry]) -> list[Applied]:
        with self._writing:
            applied, writes = decide(entries, self._heads({key_of(entry) for entry in entries}))
            for guard, operation in guarded(writes, self._config.operation_points):
                points = [point for write in operation for point in _points(write)]
                over_lower = engine.Filter(
                    must=[engine.FieldCondition("rank", range=engine.RangeFloat(lt=float(guard)))]
                )
                self._write(engine.UpdateOperation.upsert_points(points, condition=over_lower))
                self._unflushed += len(points)
            if self._unflushed >= self._config.flush_points:
                self._flush()
        return applied

    def head(self, tenant: str, item_id: str) -> Head | None:
        return self._heads([(tenant, item_id)]).get((tenant, item_id))

    def search(self, query: IndexQuery) -> list[Candidate]:
        space = space_of(query.model_version) if query.with_vectors else None
        known = space if space in self._spaces else None
        with self._errors():
            return found(query, self._spaces, self._config, self._rank, lambda ids: self._fetch(ids, known))

    def count(self, tenant: str | None = None) -> int:
        items = AnyOf("reach", (reach_of(tenant or ANY_TENANT, Reach.ITEMS),))
        with self._errors():
            return self._shard.count(engine.CountRequest(exact=True, filter=_filter([items])))

    def ready(self) -> str | None:
        if self._closed:
            return "the vector index is closed"
        try:
            self._require_space()
            with self._errors():
                self._shard.info()
        except Unavailable as reason:
            return str(reason)
        return None

    def flush(self) -> None:
        with self._writing:
            self._flush()

    def close(self) -> None:
        with self._writing:
            if not self._closed:
                self._flush()
                with self._errors():
                    self._shard.close()
                self._closed = True

    def _heads(self, keys: Iterable[Key]) -> dict[Key, Head]:
        ids = {point_id(tenant, item_id, 0): (tenant, item_id) for tenant, item_id in keys}
        with self._errors():
            records = self._shard.retrieve(list(ids), HEAD_FIELDS, False)
        return {ids[str(record.id)]: head_of(record.payload or {}) for record in records}

    def _rank(self, asked: Sequence[Asked], depth: int) -> list[Ranking]:
        requests = [engine.QueryRequest(limit=depth, query=_nearest(one), filter=_filter(one.within)) for one in asked]
        answers = self._shard.query_batch(engine.QueryBatchRequest(requests))
        return [[(str(point.id), point.score) for point in points] for points in answers]

    def _fetch(self, ids: Sequence[str], space: str | None) -> dict[str, Fetched]:
        records = self._shard.retrieve(list(ids), True, [space] if space else False)
        return {str(record.id): _fetched(record, space) for record in records}

    def _write(self, operation: engine.UpdateOperation) -> None:
        self._require_space()
        with self._errors():
            self._shard.update(operation)

    def _flush(self) -> None:
        with self._errors():
            self._shard.flush()
        self._unflushed = 0

    def _require_space(self) -> None:
        if (free := self._free(self._folder)) < self._config.min_free_mb * MB:
            raise Unavailable(
                f"the disk of the vector index is nearly full: {free // MB} MB are free in {self._folder}, "
                f"it writes again from {self._config.min_free_mb} MB"
            )

    def _errors(self) -> "_EngineErrors":
        return _EngineErrors(lambda error: Unavailable(f"the vector index in {self._folder} failed: {error}"))


_CONFIG_FILE = "edge_config.json"


def _create(folder: Path) -> None:
    """Make an empty shard beside the folder and rename it, so that a crash leaves none that is half made."""
    begun = folder.with_name(f"{folder.name}.begun")
    words = {WORDS: engine.EdgeSparseVectorParams(modifier=engine.Modifier.Idf)}
    try:
        shutil.rmtree(begun, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _EngineErrors(lambda error: _unopened(folder, error)):
            engine.EdgeShard.create(str(begun), engine.EdgeConfig(vectors={}, sparse_vectors=words)).close()
        begun.rename(folder)
    except OSError as error:
        raise _unopened(folder, error) from error


def _unopened(folder: Path, error: BaseException) -> Misconfigured:
    if "WouldBlock" in str(error):
        return Misconfigured(f"the vector index in {folder} is open in another process; only one may own it")
    return Misconfigured(
        f"the vector index in {folder} cannot be opened: {error}. If its files are damaged, remove the folder and "
        "run `millrace replay indexing --from beginning`: the index is rebuilt from the log"
    )


def _spaces_in(folder: Path) -> dict[str, int]:
    """Dimension of each vector space, as the engine itself records it."""
    vectors = json.loads((folder / _CONFIG_FILE).read_text()).get("vectors") or {}
    return {name: params["size"] for name, params in vectors.items()}


def _points(write: Write) -> Iterable[engine.Point]:
    entry = write.entry
    for number, part, payload in payloads(write):
        vectors = _vectors(part, payload["model"]) if part is not None else {}
        yield engine.Point(point_id(entry.tenant, entry.item_id, number), vectors, payload)


def _vectors(part: Part, model_version: str) -> "dict[str, engine.NamedVector]":
    vectors: dict[str, engine.NamedVector] = {space_of(model_version): np.frombuffer(part.vector, "<f4").tolist()}
    numbers, weights = document_weights(part.text or "")
    if numbers:
        vectors[WORDS] = engine.SparseVector(numbers, weights)
    return vectors


def _filter(wanted: Sequence[AnyOf]) -> engine.Filter:
    return engine.Filter(
        must=[engine.FieldCondition(of.field, match=engine.MatchAny(list(of.values))) for of in wanted]
    )


def _nearest(asked: Asked) -> engine.Query:
    vector = asked.vector if isinstance(asked.vector, list) else engine.SparseVector(*asked.vector)
    return engine.Query.Nearest(vector, using=asked.using)


def _fetched(record: engine.Record, space: str | None) -> Fetched:
    payload = record.payload or {}
    vector = record.vector.get(space) if isinstance(record.vector, dict) and space and is_trained(payload) else None
    return Fetched(payload, np.asarray(vector, np.float32) if vector is not None else None)


class _EngineErrors:
    """Turns what the engine raises into our own: it knows only bare Exception and the panics of its own language."""

    def __init__(self, translate: Callable[[BaseException], Exception]) -> None:
        self._translate = translate

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None and kind is not None and (kind is Exception or kind.__name__ == "PanicException"):
            raise self._translate(error) from error
