"""Between our words and the server's: points, conditions, queries, and what lies at a point."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qdrant_client import models

from models.vector_index.keywords import SparseNumbers, document_weights
from models.vector_index.plan import Key, Write
from models.vector_index.points import NEAR_FIELDS, WORDS, AnyOf, is_trained, payloads, point_id, space_of
from models.vector_index.port import Head, Part
from models.vector_index.retrieval import Fetched


def operations(writes: Sequence[Write]) -> Iterator[models.UpsertOperation]:
    """Parts before heads, each item under its own guard, in the order in which they are to be written."""
    heads = []
    for write in writes:
        head, *parts = _points(write)
        over_lower = _over_lower(write.entry.rank)
        if parts:
            yield _upsert(parts, over_lower)
        heads.append(_upsert([head], over_lower))
    yield from heads


def _upsert(points: list[models.PointStruct], over_lower: models.Filter) -> models.UpsertOperation:
    return models.UpsertOperation(upsert=models.PointsList(points=points, update_filter=over_lower))


def _over_lower(rank: int) -> models.Filter:
    return models.Filter(must=[models.FieldCondition(key="rank", range=models.Range(lt=float(rank)))])


def _points(write: Write) -> Iterator[models.PointStruct]:
    entry = write.entry
    for number, part, payload in payloads(write):
        vectors = _vectors(part, payload["model"]) if part is not None else {}
        yield models.PointStruct(id=point_id(entry.tenant, entry.item_id, number), vector=vectors, payload=payload)


def _vectors(part: Part, model_version: str) -> dict[str, Any]:
    vectors: dict[str, Any] = {space_of(model_version): np.frombuffer(part.vector, "<f4").tolist()}
    numbers, weights = document_weights(part.text or "")
    if numbers:
        vectors[WORDS] = models.SparseVector(indices=numbers, values=weights)
    return vectors


def asked_vector(vector: list[float] | SparseNumbers) -> list[float] | models.SparseVector:
    return vector if isinstance(vector, list) else models.SparseVector(indices=vector[0], values=vector[1])


def filter_of(wanted: Sequence[AnyOf]) -> models.Filter:
    return models.Filter(
        must=[models.FieldCondition(key=of.field, match=models.MatchAny(any=list(of.values))) for of in wanted]
    )


def in_effect(payload: Mapping[str, Any] | None, heads: Mapping[Key, Head]) -> bool:
    """Whether a point belongs to the version that the head of its item names; a head speaks for itself."""
    if not payload or payload["part"] == 0:
        return payload is not None
    head = heads.get((payload["tenant"], payload["item"]))
    return head is not None and head.version == payload["version"]


def near_request(vector: NDArray[np.float32], space: str, within: models.Filter, limit: int) -> models.QueryRequest:
    return models.QueryRequest(query=vector.tolist(), using=space, filter=within, limit=limit, with_payload=NEAR_FIELDS)


def vector_of(record: models.Record, space: str) -> NDArray[np.float32] | None:
    vector = record.vector.get(space) if isinstance(record.vector, dict) else None
    return np.asarray(vector, np.float32) if vector is not None else None


def fetched(record: models.Record, space: str | None) -> Fetched:
    payload = record.payload or {}
    return Fetched(payload, vector_of(record, space) if space and is_trained(payload) else None)
