"""The vector index on a Qdrant server or cluster, for any number of writers and readers.

Several writers may be at work, one of them perhaps a process that lost its partitions and does not know yet. So each
item is written under its own exact guard, parts before the head, and a search believes a part only if the head of its
item says the same version: the head alone decides which version is in effect.
"""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Self

import numpy as np
from numpy.typing import NDArray
from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse

from models.vector_index.config import VectorIndexConfig
from models.vector_index.plan import Key, decide, key_of
from models.vector_index.points import (
    ANY_TENANT,
    CENSUS_FIELDS,
    HEAD_FIELDS,
    KEYWORD_FIELDS,
    NEAR_FIELDS,
    WORDS,
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
from models.vector_index.server.client import client_of, server_errors
from models.vector_index.server.points import (
    asked_vector,
    fetched,
    filter_of,
    in_effect,
    near_request,
    operations,
    vector_of,
)
from schemas.items import Modality
from streams.errors import Misconfigured, Unavailable

ITEMS_PER_REQUEST = 256
"""Items that one write carries: some 2 MB as JSON at 384 numbers a vector."""


class ServerVectorIndex:
    """A Qdrant collection behind the port."""

    def __init__(
        self, client: QdrantClient, config: VectorIndexConfig, metadata: Mapping[str, str] | None = None
    ) -> None:
        """`metadata` is written beside the collection where it is made."""
        self._client = client
        self._config = config
        self._metadata = metadata or {}
        self._preparing = threading.Lock()
        self._prepared = False
        self._spaces: dict[str, int] = {}

    @classmethod
    def connect(cls, config: VectorIndexConfig) -> Self:
        """The index at `config.url`. Nothing is sent before the first use: a server may come up later than we do."""
        return cls(client_of(config), config)

    def prepare(self) -> None:
        """Make the collection where there is none."""
        with self._asking():
            pass

    def ensure_space(self, model_version: str, dim: int) -> int:
        space = space_of(model_version)
        if space not in self._spaces:
            with self._asking():
                if space not in self._known_spaces():
                    dense = models.DenseVectorConfig(size=dim, distance=models.Distance.COSINE)
                    self._client.create_vector_name(
                        self._config.collection, space, models.DenseVectorNameConfig(dense=dense)
                    )
                    self._known_spaces()
        return self._spaces[space]

    def apply(self, entries: Sequence[Entry]) -> list[Applied]:
        with self._asking():
            applied, writes = decide(entries, self._heads({key_of(entry) for entry in entries}))
            for start in range(0, len(writes), ITEMS_PER_REQUEST):
                results = self._client.batch_update_points(
                    self._config.collection, list(operations(writes[start : start + ITEMS_PER_REQUEST]))
                )
                if any(result.status is not models.UpdateStatus.COMPLETED for result in results):
                    raise Unavailable("the Qdrant server took a write but did not finish it in time")
        return applied

    def head(self, tenant: str, item_id: str) -> Head | None:
        with self._asking():
            return self._heads([(tenant, item_id)]).get((tenant, item_id))

    def search(self, query: IndexQuery) -> list[Candidate]:
        with self._asking():
            space = self._space(query.model_version)
            wanted = space if query.with_vectors else None
            return found(query, self._spaces, self._config, self._rank, lambda ids: self._fetch(ids, wanted))

    def neighbours(
        self,
        tenant: str,
        model_version: str,
        modality: Modality,
        vectors: Sequence[NDArray[np.float32]],
        limit: int,
    ) -> list[list[Near]]:
        answers: list[list[Near]] = []
        with self._asking():
            if (space := self._space(model_version)) is None:
                return [[] for _ in vectors]
            within = filter_of(neighbourhood(tenant, modality))
            for start in range(0, len(vectors), ITEMS_PER_REQUEST):
                asked = [
                    near_request(vector, space, within, limit) for vector in vectors[start : start + ITEMS_PER_REQUEST]
                ]
                found_each = self._client.query_batch_points(self._config.collection, asked)
                answers += [[near_of(one.payload or {}, one.score) for one in answer.points] for answer in found_each]
        return answers

    def vectors(
        self, tenant: str, model_version: str, item_ids: Sequence[str]
    ) -> dict[str, tuple[int, NDArray[np.float32]]]:
        ids = [point_id(tenant, item_id, 0) for item_id in item_ids]
        with self._asking():
            if (space := self._space(model_version)) is None or not ids:
                return {}
            records = self._client.retrieve(
                self._config.collection, ids, with_payload=NEAR_FIELDS, with_vectors=[space]
            )
        held = ((record.payload or {}, vector_of(record, space)) for record in records)
        return {payload["item"]: (payload["version"], vector) for payload, vector in held if vector is not None}

    def scroll(self, tenant: str, model_version: str, limit: int, after: str | None = None) -> Page:
        items = filter_of([AnyOf("reach", (reach_of(tenant, Reach.ITEMS),))])
        with self._asking():
            if (space := self._space(model_version)) is None:
                return Page((), None)
            records, beyond = self._client.scroll(
                self._config.collection, items, limit, offset=after, with_payload=True, with_vectors=[space]
            )
        return page_of(((record.payload or {}, vector_of(record, space)) for record in records), beyond)

    def census(self, model_version: str, limit: int, after: str | None = None) -> Census:
        items = filter_of([AnyOf("reach", (reach_of(ANY_TENANT, Reach.ITEMS),))])
        with self._asking():
            records, beyond = self._client.scroll(
                self._config.collection, items, limit, offset=after, with_payload=CENSUS_FIELDS, with_vectors=False
            )
        return census_of(((str(record.id), record.payload or {}) for record in records), model_version, beyond)

    def count(self, tenant: str | None = None) -> int:
        items = AnyOf("reach", (reach_of(tenant or ANY_TENANT, Reach.ITEMS),))
        with self._asking():
            return self._client.count(self._config.collection, count_filter=filter_of([items]), exact=True).count

    def ready(self) -> str | None:
        try:
            with self._asking():
                self._known_spaces()
        except (Unavailable, Misconfigured) as reason:
            return str(reason)
        return None

    def flush(self) -> None:
        """The server does so by itself."""

    def close(self) -> None:
        self._client.close()

    def _heads(self, keys: Iterable[Key]) -> dict[Key, Head]:
        ids = {point_id(tenant, item_id, 0): (tenant, item_id) for tenant, item_id in keys}
        records = self._client.retrieve(self._config.collection, list(ids), with_payload=HEAD_FIELDS)
        return {ids[str(record.id)]: head_of(record.payload or {}) for record in records}

    def _rank(self, asked: Sequence[Asked], depth: int) -> list[Ranking]:
        requests = [
            models.QueryRequest(
                query=asked_vector(one.vector), using=one.using, filter=filter_of(one.within), limit=depth
            )
            for one in asked
        ]
        answers = self._client.query_batch_points(self._config.collection, requests)
        return [[(str(point.id), point.score) for point in answer.points] for answer in answers]

    def _fetch(self, ids: Sequence[str], space: str | None) -> dict[str, Fetched]:
        records = self._client.retrieve(
            self._config.collection, list(ids), with_payload=True, with_vectors=[space] if space else False
        )
        parts = [record.payload for record in records if record.payload and record.payload["part"] > 0]
        heads = self._heads({(part["tenant"], part["item"]) for part in parts}) if parts else {}
        return {str(record.id): fetched(record, space) for record in records if in_effect(record.payload, heads)}

    def _space(self, model_version: str) -> str | None:
        """Name of the model version's space, or None while there is none."""
        if (space := space_of(model_version)) not in self._spaces:
            self._known_spaces()
        return space if space in self._spaces else None

    def _known_spaces(self) -> Mapping[str, int]:
        vectors = self._client.get_collection(self._config.collection).config.params.vectors
        named = vectors if isinstance(vectors, dict) else {}
        self._spaces = {name: params.size for name, params in named.items()}
        return self._spaces

    def _prepare(self) -> None:
        with self._preparing:
            if self._prepared:
                return
            name = self._config.collection
            if not self._client.collection_exists(name):
                words = {WORDS: models.SparseVectorParams(modifier=models.Modifier.IDF)}
                self._client.create_collection(
                    name, vectors_config={}, sparse_vectors_config=words, metadata=dict(self._metadata)
                )
            self._client.create_payload_index(name, "rank", models.PayloadSchemaType.INTEGER)
            for field in KEYWORD_FIELDS:
                self._client.create_payload_index(name, field, models.PayloadSchemaType.KEYWORD)
            self._known_spaces()
            self._prepared = True

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Around everything that is asked of the server: the collection exists, and its errors are ours."""
        with server_errors(self._config):
            try:
                if not self._prepared:
                    self._prepare()
                yield
            except UnexpectedResponse:
                self._prepared = False
                raise
