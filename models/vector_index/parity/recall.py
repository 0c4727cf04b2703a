"""How much of the truth a search by meaning finds: an approximate index may miss some of it."""

from collections.abc import Iterator, Mapping
from functools import partial
from hashlib import blake2b
from heapq import nsmallest
from itertools import groupby
from math import nan

import numpy as np
from numpy.typing import NDArray

from models.vector_index.parity.walks import considerately, counted, pages
from models.vector_index.port import Counted, VectorIndex
from schemas.items import Modality

CLOSE = 1e-5
"""Similarities that differ by less are equal: engines add up in another order."""


def recall_against_exact(index: VectorIndex, model_version: str, sample: int, k: int) -> float:
    """Of the `k` truly nearest items of each sampled one, the share that is found; NaN where there is no item.

    An item that is as near as the last true one counts as found. The sample is the same at every call.
    """
    found = wanted = 0
    for tenant, items in groupby(_sampled(index, model_version, sample), key=lambda one: one.tenant):
        asked = index.vectors(tenant, model_version, [one.item_id for one in items])
        vectors = {item_id: vector for item_id, (_, vector) in asked.items()}
        for item_id, modality, nearest in _nearest(index, tenant, model_version, vectors, k):
            question = [vectors[item_id]]
            [near] = considerately(partial(index.neighbours, tenant, model_version, modality, question, k))
            found += sum(one.similarity >= nearest[-1] - CLOSE for one in near)
            wanted += len(nearest)
    return min(1.0, found / wanted) if wanted else nan


def _sampled(index: VectorIndex, model_version: str, sample: int) -> list[Counted]:
    """Items by lot, of all tenants, tenant by tenant."""
    chosen = nsmallest(sample, counted(index, model_version), key=lambda one: blake2b(one.place.encode()).digest())
    return sorted(chosen, key=lambda one: one.tenant)


def _nearest(
    index: VectorIndex, tenant: str, model_version: str, asked: Mapping[str, NDArray[np.float32]], k: int
) -> Iterator[tuple[str, Modality, NDArray[np.float32]]]:
    """Each item with its modality and the similarities of the `k` truly nearest of that, falling; itself among them.

    One walk over all vectors of the tenant.
    """
    rows = {item_id: row for row, item_id in enumerate(asked)}
    queries = np.stack(list(asked.values())) if asked else np.empty((0, 0), np.float32)
    best: dict[Modality, NDArray[np.float32]] = {}
    modalities: dict[str, Modality] = {}
    for page in pages(index, tenant, model_version) if asked else ():
        modalities |= {held.item_id: held.modality for held in page if held.item_id in rows}
        for modality in {held.modality for held in page}:
            vectors = np.stack([held.vector for held in page if held.modality is modality])
            known = best.get(modality, np.empty((len(queries), 0), np.float32))
            similarities = np.einsum("qd,vd->qv", queries, vectors)  # on one thread: searches need the other one
            best[modality] = -np.sort(-np.hstack([known, similarities]), axis=1)[:, :k]
    for item_id, modality in modalities.items():
        yield item_id, modality, best[modality][rows[item_id]]
