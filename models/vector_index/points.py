"""How an item lies in the engine: point ids, payload, and the one place that decides what a query may reach.

A point's `reach` lists where it can be found, each as `tenant/ranking`. Every query asks for exactly one of them, so no
query can forget the tenant, and a tombstone, which has no reach, cannot be found by any. Only positive keyword
conditions are used: engines answer those from their payload index, and a negative one by reading every payload.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from hashlib import sha1, sha256
from typing import Any
from uuid import UUID, uuid5

import numpy as np
from numpy.typing import NDArray

from models.vector_index.plan import Write
from models.vector_index.port import Candidate, Census, Content, Counted, Entry, Head, Held, Near, Page, Part
from schemas.items import Modality
from schemas.searches import SearchFilters

WORDS = "words"
"""Name of the sparse vector."""
KEYWORD_FIELDS = ("reach", "modality", "language", "source", "tags", "nsfw")
"""Payload fields that queries filter by."""
HEAD_FIELDS = ["version", "parts", "model"]
"""Payload fields that make a head."""
NEAR_FIELDS = ["item", "version", "part"]
"""Payload fields that make a neighbour."""
CENSUS_FIELDS = ["tenant", "item", "version", "model"]
"""Payload fields that count an item."""
EXCERPT_CHARACTERS = 500
"""Words kept for showing; all of them can be found."""
ANY_TENANT = "*"
"""No tenant has this name."""

_NAMESPACE = uuid5(UUID(int=0), "millrace/point").bytes


class Reach(StrEnum):
    """The rankings and counts in which a point takes part."""

    MEANING = "meaning"
    """It has a vector of a trained tower."""
    WORDS = "words"
    ITEMS = "items"
    """It stands for its item: the head of one that can be found. Its vector is the item's primary one."""


def reach_of(tenant: str, reach: Reach) -> str:
    return f"{tenant}/{reach}"


@lru_cache(maxsize=1024)
def space_of(model_version: str) -> str:
    """Name of the vector space of a model version, safe as a file name and different for different versions."""
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in model_version)[:80]
    return f"v-{safe}" if safe == model_version else f"v-{safe}-{sha256(model_version.encode()).hexdigest()[:12]}"


def point_id(tenant: str, item_id: str, part: int) -> str:
    """The UUIDv5 of tenant, item and part. A tenant has no slash and a part is a number, so no two items share one."""
    digest = sha1(_NAMESPACE + f"{tenant}/{item_id}/{part}".encode(), usedforsecurity=False).hexdigest()
    variant = "89ab"[int(digest[16], 16) & 3]
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"


def payloads(write: Write) -> Iterator[tuple[int, Part | None, dict[str, Any]]]:
    """Each point to write: its number, the part in it (None for a tombstone) and its payload. The head comes first."""
    entry, content = write.entry, write.entry.content
    shared = _described(entry, content) if content else {}
    for number in range(write.points):
        if content is not None and number < write.parts:
            part = content.parts[number]
            yield number, part, shared | _of_part(entry.tenant, number, part)
        else:
            yield number, None, _tombstone(entry, number)


def _tombstone(entry: Entry, number: int) -> dict[str, Any]:
    return {
        "tenant": entry.tenant,
        "item": entry.item_id,
        "part": number,
        "version": entry.version,
        "rank": entry.rank,
        "parts": 0,
    }


def _described(entry: Entry, content: Content) -> dict[str, Any]:
    payload: dict[str, Any] = {
        "tenant": entry.tenant,
        "item": entry.item_id,
        "version": entry.version,
        "rank": entry.rank,
        "parts": len(content.parts),
        "model": content.model_version,
        "modality": content.modality.value,
        "nsfw": _NSFW[content.nsfw_flag],
    }
    optional = {
        "source": content.source,
        "language": content.language,
        "tags": list(content.tags),
        "uri": content.uri,
    }
    payload.update((name, value) for name, value in optional.items() if value)
    return payload


def _of_part(tenant: str, number: int, part: Part) -> dict[str, Any]:
    reach = [] if part.untrained else [reach_of(tenant, Reach.MEANING)]
    payload: dict[str, Any] = {"part": number, "reach": reach}
    if part.text:
        reach.append(reach_of(tenant, Reach.WORDS))
        payload["text"] = part.text[:EXCERPT_CHARACTERS]
    if number == 0:
        reach += [reach_of(tenant, Reach.ITEMS), reach_of(ANY_TENANT, Reach.ITEMS)]
    return payload


_NSFW: dict[bool | None, str] = {True: "yes", False: "no", None: "unknown"}
_NSFW_WANTED: dict[bool, tuple[str, ...]] = {True: ("yes",), False: ("no", "unknown")}


@dataclass(frozen=True, slots=True)
class AnyOf:
    """A condition: the keyword field holds one of the values."""

    field: str
    values: tuple[str, ...]


def conditions(tenant: str, reach: Reach, filters: SearchFilters) -> list[AnyOf]:
    """What a point must fulfil to be found in a ranking. The only builder; the tenant is in it by construction."""
    wanted = (
        AnyOf("reach", (reach_of(tenant, reach),)),
        AnyOf("modality", tuple(modality.value for modality in filters.modality)),
        AnyOf("language", filters.language),
        AnyOf("source", filters.source),
        AnyOf("tags", filters.tags),
        AnyOf("nsfw", () if filters.nsfw_flag is None else _NSFW_WANTED[filters.nsfw_flag]),
    )
    return [condition for condition in wanted if condition.values]


def neighbourhood(tenant: str, modality: Modality) -> list[AnyOf]:
    """What a point must fulfil to be a neighbour: being the head of an item of this tenant and modality."""
    return conditions(tenant, Reach.ITEMS, SearchFilters(modality=(modality,)))


def near_of(payload: Mapping[str, Any], similarity: float) -> Near:
    return Near(payload["item"], payload["version"], payload["part"], similarity)


def held_of(payload: Mapping[str, Any], vector: NDArray[np.float32]) -> Held:
    """An item on a walk, from the payload and the vector of its head."""
    return Held(
        item_id=payload["item"],
        version=payload["version"],
        vector=vector,
        modality=Modality(payload["modality"]),
        source=payload.get("source", ""),
        language=payload.get("language"),
        text=payload.get("text"),
        uri=payload.get("uri"),
    )


def page_of(lying: Iterable[tuple[Mapping[str, Any], NDArray[np.float32] | None]], beyond: object | None) -> Page:
    """A step of a walk, from what lies at its points; those without a vector of the space are passed over."""
    walked = (held_of(payload, vector) for payload, vector in lying if vector is not None)
    return Page(tuple(walked), str(beyond) if beyond is not None else None)


def census_of(lying: Iterable[tuple[str, Mapping[str, Any]]], model_version: str, beyond: object | None) -> Census:
    """A step of a census, from the ids and payloads of heads; those of other model versions are passed over."""
    counted = (
        Counted(place, payload["tenant"], payload["item"], payload["version"])
        for place, payload in lying
        if payload.get("model") == model_version
    )
    return Census(tuple(counted), str(beyond) if beyond is not None else None)


def head_of(payload: Mapping[str, Any]) -> Head:
    return Head(payload["version"], payload["parts"], payload.get("model"))


def is_trained(payload: Mapping[str, Any]) -> bool:
    """Whether the point's vector means something."""
    return any(place.endswith(f"/{Reach.MEANING}") for place in payload.get("reach", ()))


def candidate_of(payload: Mapping[str, Any], score: float, vector: NDArray[np.float32] | None) -> Candidate:
    """What was found, from the payload of its point."""
    return Candidate(
        item_id=payload["item"],
        version=payload["version"],
        part=payload["part"],
        score=score,
        modality=Modality(payload["modality"]),
        source=payload.get("source", ""),
        language=payload.get("language"),
        tags=tuple(payload.get("tags", ())),
        nsfw_flag=_NSFW_FLAG[payload["nsfw"]],
        uri=payload.get("uri"),
        text=payload.get("text"),
        vector=vector,
    )


_NSFW_FLAG = {word: flag for flag, word in _NSFW.items()}
