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

import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Self
from uuid import UUID

import numpy as np
import qdrant_edge as engine
from numpy.typing import NDArray

from models.vector_index.config import VectorIndexConfig
from models.vector_index.edge.folder import (
    CONFIG_FILE,
    MB,
    EngineErrors,
    copy_blank,
    create,
    free_bytes,
    spaces_in,
    unopened,
)
from models.vector_index.edge.points import fetched, filter_of, nearest, nearest_heads, points_of, vector_of
from models.vector_index.plan import Key, decide, guarded, key_of
from models.vector_index.points import (
    ANY_TENANT,
    CENSUS_FIELDS,
    HEAD_FIELDS,
    NEAR_FIELDS,
    AnyOf,
    Reach,
    census_of,
    head_of,
    near_of,
    neighbourhood,
    page_of,
    point_id,
    reach_of,
    space_of,
)
from models.vector_index.port import Applied, Candidate, Census, Entry, Head, IndexQuery, Near, Page
from models.vector_index.retrieval import Asked, Fetched, Ranking, found
from schemas.items import Modality
from streams.errors import Unavailable


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
        self._spaces = spaces_in(folder)
        self._unflushed = 0
        self._closed = False

    @classmethod
    def open(
        cls,
        folder: Path,
        config: VectorIndexConfig | None = None,
        free: Callable[[Path], int] = free_bytes,
        blank: Path | None = None,
    ) -> Self:
        """The index in a folder, created where there is none: as a copy of `blank`, if that is named.

        Raises Misconfigured if it cannot be opened.
        """
        if not (folder / CONFIG_FILE).exists():
            create(folder) if blank is None else copy_blank(blank, folder)
        with EngineErrors(lambda error: unopened(folder, error)):
            shard = engine.EdgeShard.load(str(folder))
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
                points = [point for write in operation for point in points_of(write)]
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

    def neighbours(
        self,
        tenant: str,
        model_version: str,
        modality: Modality,
        vectors: Sequence[NDArray[np.float32]],
        limit: int,
    ) -> list[list[Near]]:
        if (space := space_of(model_version)) not in self._spaces:
            return [[] for _ in vectors]
        within, at_once = filter_of(neighbourhood(tenant, modality)), self._config.neighbour_queries
        answers: list[list[Near]] = []
        for start in range(0, len(vectors), at_once):
            asked = [nearest_heads(vector, space, within, limit) for vector in vectors[start : start + at_once]]
            with self._errors():
                found_each = self._shard.query_batch(engine.QueryBatchRequest(asked))
            answers += [[near_of(point.payload or {}, point.score) for point in points] for points in found_each]
        return answers

    def vectors(
        self, tenant: str, model_version: str, item_ids: Sequence[str]
    ) -> dict[str, tuple[int, NDArray[np.float32]]]:
        ids: list[int | UUID | str] = [point_id(tenant, item_id, 0) for item_id in item_ids]
        if (space := space_of(model_version)) not in self._spaces or not ids:
            return {}
        with self._errors():
            records = self._shard.retrieve(ids, NEAR_FIELDS, [space])
        held = ((record.payload or {}, vector_of(record, space)) for record in records)
        return {payload["item"]: (payload["version"], vector) for payload, vector in held if vector is not None}

    def scroll(self, tenant: str, model_version: str, limit: int, after: str | None = None) -> Page:
        if (space := space_of(model_version)) not in self._spaces:
            return Page((), None)
        items = filter_of([AnyOf("reach", (reach_of(tenant, Reach.ITEMS),))])
        with self._errors():
            records, beyond = self._shard.scroll(
                engine.ScrollRequest(after, limit, items, with_payload=True, with_vector=[space])
            )
        return page_of(((record.payload or {}, vector_of(record, space)) for record in records), beyond)

    def census(self, model_version: str, limit: int, after: str | None = None) -> Census:
        items = filter_of([AnyOf("reach", (reach_of(ANY_TENANT, Reach.ITEMS),))])
        with self._errors():
            records, beyond = self._shard.scroll(
                engine.ScrollRequest(after, limit, items, with_payload=CENSUS_FIELDS, with_vector=False)
            )
        return census_of(((str(record.id), record.payload or {}) for record in records), model_version, beyond)

    def count(self, tenant: str | None = None) -> int:
        items = AnyOf("reach", (reach_of(tenant or ANY_TENANT, Reach.ITEMS),))
        with self._errors():
            return self._shard.count(engine.CountRequest(exact=True, filter=filter_of([items])))

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
        requests = [engine.QueryRequest(limit=depth, query=nearest(one), filter=filter_of(one.within)) for one in asked]
        answers = self._shard.query_batch(engine.QueryBatchRequest(requests))
        return [[(str(point.id), point.score) for point in points] for points in answers]

    def _fetch(self, ids: Sequence[str], space: str | None) -> dict[str, Fetched]:
        records = self._shard.retrieve(list(ids), True, [space] if space else False)
        return {str(record.id): fetched(record, space) for record in records}

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

    def _errors(self) -> "EngineErrors":
        return EngineErrors(lambda error: Unavailable(f"the vector index in {self._folder} failed: {error}"))
