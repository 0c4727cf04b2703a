"""Between our words and the engine's: points, conditions, queries, and what lies at a point."""

from collections.abc import Iterable, Sequence

import numpy as np
import qdrant_edge as engine
from numpy.typing import NDArray

from models.vector_index.keywords import document_weights
from models.vector_index.plan import Write
from models.vector_index.points import NEAR_FIELDS, WORDS, AnyOf, is_trained, payloads, point_id, space_of
from models.vector_index.port import Part
from models.vector_index.retrieval import Asked, Fetched


def points_of(write: Write) -> Iterable[engine.Point]:
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


def filter_of(wanted: Sequence[AnyOf]) -> engine.Filter:
    return engine.Filter(
        must=[engine.FieldCondition(of.field, match=engine.MatchAny(list(of.values))) for of in wanted]
    )


def nearest(asked: Asked) -> engine.Query:
    vector = asked.vector if isinstance(asked.vector, list) else engine.SparseVector(*asked.vector)
    return engine.Query.Nearest(vector, using=asked.using)


def nearest_heads(vector: NDArray[np.float32], space: str, within: engine.Filter, limit: int) -> engine.QueryRequest:
    nearest = engine.Query.Nearest(vector.tolist(), using=space)
    return engine.QueryRequest(limit, query=nearest, with_payload=NEAR_FIELDS, filter=within)


def vector_of(record: engine.Record, space: str) -> NDArray[np.float32] | None:
    vector = record.vector.get(space) if isinstance(record.vector, dict) else None
    return np.asarray(vector, np.float32) if vector is not None else None


def fetched(record: engine.Record, space: str | None) -> Fetched:
    payload = record.payload or {}
    return Fetched(payload, vector_of(record, space) if space and is_trained(payload) else None)
