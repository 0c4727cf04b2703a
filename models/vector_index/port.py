"""What a vector index is: versioned items in, ranked items out.

The index is a projection of the log, written at least once and perhaps out of order. Its state is, for each item, the
highest version it was ever given; arrival order, repetition and the cutting into batches change nothing:

- an entry of a lower version than the one in effect changes nothing, even if it has parts that the newer one lacks;
- an entry of the version in effect changes nothing;
- a withdrawal is an entry without content. It stays as a tombstone that keeps the version, has no vectors and no words
  and is never found, so that an older version arriving late cannot bring the item back;
- a withdrawal wins over content of the same version: it may name the version just below newer content that cannot be
  found yet, and must not stand in that content's way.

Vectors of one model version form a space of their own, and a query names the space it searches.

Beside searching by people there is learning from what lies near: `neighbours`, `vectors` and `scroll` know an item by
the vector of its primary part alone, part 0: the picture of a picture, the first window of a text. There untrained
vectors take part as well, as a random tower still puts like beside like; one modality at a time, as it does not put
pictures beside their words.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from schemas.items import Modality
from schemas.searches import SearchFilters

MAX_VERSION = 2**52 - 1
"""The highest version. Engines compare ranks, twice as high, as double precision numbers, exact up to 2**53."""

MAX_DIM = 65_535
"""Numbers in a vector that engines take."""


@dataclass(frozen=True, slots=True)
class Part:
    """One vector of an item and the words behind it."""

    modality: Modality
    """What was embedded: the caption of a picture is text."""
    vector: bytes
    """Numbers of the space's dimension, finite, float32, little-endian."""
    text: str | None = None
    """The words that keyword search finds; None where there are none."""
    untrained: bool = False
    """Kept, but never a neighbour of any query: only its words are found."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a version of an item is made of, and what people filter by."""

    modality: Modality
    model_version: str
    parts: tuple[Part, ...]
    """At least one."""
    source: str = ""
    language: str | None = None
    tags: tuple[str, ...] = ()
    nsfw_flag: bool | None = None
    uri: str | None = None
    """Where the medium lies; None for items that are nothing but text."""


def rank_of(version: int, withdrawn: bool) -> int:
    """Versions in their order and, within one, the withdrawal above the content."""
    return 2 * version + withdrawn


@dataclass(frozen=True, slots=True)
class Entry:
    """A version of an item, or its withdrawal."""

    tenant: str
    item_id: str
    version: int
    content: Content | None
    """None withdraws the item."""

    @property
    def rank(self) -> int:
        """The order of an item's states, in which the highest wins."""
        return rank_of(self.version, withdrawn=self.content is None)


class Applied(StrEnum):
    """What an entry did to the index."""

    WRITTEN = "written"
    """Its version is in effect now."""
    IN_EFFECT = "in_effect"
    """Its version was in effect already: a redelivery."""
    STALE = "stale"
    """A newer version is in effect, or came in the same batch."""


@dataclass(frozen=True, slots=True)
class Head:
    """The version of an item that is in effect."""

    version: int
    parts: int
    """How many parts it has; 0 once withdrawn."""
    model_version: str | None
    """None once withdrawn."""

    @property
    def withdrawn(self) -> bool:
        return self.parts == 0

    @property
    def rank(self) -> int:
        """As of the entry that took effect."""
        return rank_of(self.version, self.withdrawn)


@dataclass(frozen=True, slots=True)
class IndexQuery:
    """A search by meaning, by words, or by both with fused ranks."""

    tenant: str
    model_version: str
    """The space that is searched by meaning. Words are found whatever model has seen the item."""
    limit: int
    """Items wanted."""
    vector: NDArray[np.float32] | None = None
    """Of unit length; None searches by words only."""
    text: str | None = None
    """None searches by meaning only."""
    vector_weight: float = 1.0
    keyword_weight: float = 1.0
    """Influence of each ranking on the fused one; relative to each other."""
    filters: SearchFilters = field(default_factory=SearchFilters)
    with_vectors: bool = False
    """Candidates carry their vector, for reranking."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An item that was found, by the best of its parts."""

    item_id: str
    version: int
    part: int
    score: float
    """Higher is better; comparable within one answer only."""
    modality: Modality
    """Of the item."""
    source: str
    language: str | None
    tags: tuple[str, ...]
    nsfw_flag: bool | None
    uri: str | None
    text: str | None
    """The beginning of the part's words."""
    vector: NDArray[np.float32] | None = None
    """None where it was not asked for, or is untrained."""


@dataclass(frozen=True, slots=True)
class Near:
    """An item that lies near a vector, by its primary part."""

    item_id: str
    version: int
    part: int
    similarity: float
    """Cosine; 1 is the same direction."""


@dataclass(frozen=True, slots=True)
class Held:
    """An item as the index holds it: the vector of its primary part, and what is known of it without asking others."""

    item_id: str
    version: int
    vector: NDArray[np.float32]
    modality: Modality
    source: str
    language: str | None
    text: str | None
    """The beginning of the primary part's words."""
    uri: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """A step of a walk over items."""

    items: tuple[Held, ...]
    after: str | None
    """Where the next step begins; None at the end. A page may hold no item and still not be the last."""


@dataclass(frozen=True, slots=True)
class Counted:
    """An item that can be found, with its version in effect."""

    place: str
    """Where it stands in the order of a census: the same for the same item in every index."""
    tenant: str
    item_id: str
    version: int


@dataclass(frozen=True, slots=True)
class Census:
    """A step of a walk over the items of all tenants."""

    items: tuple[Counted, ...]
    """In the order of their places."""
    after: str | None
    """Where the next step begins; None at the end. A step may count no item and still not be the last."""


class VectorIndex(Protocol):
    """Holds the highest version of every item, and searches it. One thread writes while any number search.

    Every method raises Unavailable while the index cannot be reached or must not be written, saying why.
    """

    def ensure_space(self, model_version: str, dim: int) -> int:
        """Make room for the vectors of a model version; the dimension that its space has, which may be another."""
        ...

    def apply(self, entries: Sequence[Entry]) -> list[Applied]:
        """Write entries; what each did, in order. Durable when it returns. Their spaces exist already."""
        ...

    def head(self, tenant: str, item_id: str) -> Head | None:
        """The version in effect, or None for an item that was never indexed."""
        ...

    def search(self, query: IndexQuery) -> list[Candidate]:
        """The best items first, each once, and nothing that is withdrawn or another tenant's."""
        ...

    def neighbours(
        self,
        tenant: str,
        model_version: str,
        modality: Modality,
        vectors: Sequence[NDArray[np.float32]],
        limit: int,
    ) -> list[list[Near]]:
        """For each vector the nearest items of a modality, nearest first, each once; an item finds itself as well.

        Withdrawn items and those of other tenants never; trained or not makes no difference. Cheapest for many vectors
        at once.
        """
        ...

    def vectors(
        self, tenant: str, model_version: str, item_ids: Sequence[str]
    ) -> dict[str, tuple[int, NDArray[np.float32]]]:
        """Version in effect and vector of each item that has one in this space; the others are left out."""
        ...

    def scroll(self, tenant: str, model_version: str, limit: int, after: str | None = None) -> Page:
        """Walks over all items with a vector in this space, at most `limit` at a step, in no order that means anything.

        Items written or withdrawn meanwhile may be met or not; every other item is met exactly once.
        """
        ...

    def census(self, model_version: str, limit: int, after: str | None = None) -> Census:
        """Walks over the versions of all items of a space, whoever's they are, without their vectors.

        As `scroll`, but in the order of places, so that two spaces can be compared without holding either.
        """
        ...

    def count(self, tenant: str | None = None) -> int:
        """Items that were not withdrawn; of one tenant, or of all."""
        ...

    def ready(self) -> str | None:
        """None when it can be written and searched, else the reason in words."""
        ...

    def flush(self) -> None:
        """Bring data files up to date with the write-ahead log, so that the next start is quick."""
        ...

    def close(self) -> None:
        """Flush and let go; the index cannot be used afterwards."""
        ...
