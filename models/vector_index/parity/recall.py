"""How much of the truth a search by meaning finds: an approximate index may miss some of it."""

from collections.abc import Iterator
from hashlib import blake2b
from heapq import nsmallest
from itertools import groupby
from math import nan

import numpy as np
from numpy.typing import NDArray

from models.vector_index.parity.walks import counted, pages
from models.vector_index.port import Counted, Held, VectorIndex
from schemas.items import Modality

CLOSE = 1e-5
"""Similarities that differ by less are equal: engines add up in another order."""


def recall_against_exact(index: VectorIndex, model_version: str, sample: int, k: int) -> float:
    """Of the `k` truly nearest items of each sampled one, the share that is found; NaN where there is no item.

    An item that is as near as the last true one counts as found. The sample is the same at every call.
    """
    found = wanted = 0
    for tenant, items in groupby(_sampled(index, model_version, sample), key=lambda one: one.tenant):
        ids = {one.item_id for one in items}
        for held, nearest in _nearest(index, tenant, model_version, ids, k):
            [near] = index.neighbours(tenant, model_version, held.modality, [held.vector], k)
            found += sum(one.similarity >= nearest[-1] - CLOSE for one in near)
            wanted += len(nearest)
    return min(1.0, found / wanted) if wanted else nan


def _sampled(index: VectorIndex, model_version: str, sample: int) -> list[Counted]:
    """Items by lot, of all tenants, tenant by tenant."""
    chosen = nsmallest(sample, counted(index, model_version), key=lambda one: blake2b(one.place.encode()).digest())
    return sorted(chosen, key=lambda one: one.tenant)


def _nearest(
    index: VectorIndex, tenant: str, model_version: str, item_ids: set[str], k: int
) -> Iterator[tuple[Held, NDArray[np.float32]]]:
    """Each of the items with the similarities of its `k` truly nearest ones, falling; itself among them."""
    asked = [held for held in _held(index, tenant, model_version) if held.item_id in item_ids]
    for modality in {held.modality for held in asked}:
        ours = [held for held in asked if held.modality is modality]
        nearest = _similarities(index, tenant, model_version, modality, np.stack([held.vector for held in ours]), k)
        yield from zip(ours, nearest, strict=True)


def _similarities(
    index: VectorIndex, tenant: str, model_version: str, modality: Modality, asked: NDArray[np.float32], k: int
) -> NDArray[np.float32]:
    """The `k` highest for each row, falling; fewer where there are fewer items."""
    best = np.empty((len(asked), 0), np.float32)
    for page in pages(index, tenant, model_version):
        vectors = [held.vector for held in page if held.modality is modality]
        if vectors:
            best = np.hstack([best, asked @ np.stack(vectors).T])
            best = -np.sort(-best, axis=1)[:, :k]
    return best


def _held(index: VectorIndex, tenant: str, model_version: str) -> Iterator[Held]:
    return (held for page in pages(index, tenant, model_version) for held in page)
