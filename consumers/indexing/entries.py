"""Facts to entries of the index, and what makes a fact unfit for it.

Everything an engine would choke on is refused here, so that one bad fact is a dead letter and not a batch that fails
for ever.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from models.vector_index.port import MAX_DIM, Content, Entry, Part
from schemas.event import Event
from schemas.items import ItemEmbedded, ItemWithdrawn
from streams.errors import BadRecord

SpaceOf = Callable[[str, int], int]
"""Model version and dimension to the dimension that its space really has."""


def refusals(facts: Sequence[Event], space_of: SpaceOf) -> list[BadRecord | None]:
    """Why each fact can never be indexed, or None."""
    found = [_refusal(fact, space_of) for fact in facts]
    whole = [at for at, fact in enumerate(facts) if found[at] is None and isinstance(fact, ItemEmbedded)]
    for at, usable in zip(whole, _usable([facts[at] for at in whole]), strict=True):
        if not usable:
            found[at] = BadRecord("invalid_vector", "a vector has no length: a number is not finite or all are 0")
    return found


def entry_of(fact: Event) -> Entry:
    """The entry of a fact that was not refused."""
    if isinstance(fact, ItemEmbedded):
        return Entry(fact.tenant, fact.item_id, fact.version, _content(fact))
    if isinstance(fact, ItemWithdrawn) and fact.version is not None:
        return Entry(fact.tenant, fact.item_id, fact.version, None)
    raise BadRecord("unexpected_type", f"{type(fact).__name__} cannot be indexed")


def _content(fact: ItemEmbedded) -> Content:
    return Content(
        modality=fact.modality,
        model_version=fact.model_version,
        parts=tuple(Part(part.modality, part.vector, part.text, part.untrained) for part in fact.parts),
        source=fact.source,
        language=fact.language,
        tags=fact.tags,
        nsfw_flag=fact.nsfw_flag,
        uri=fact.media.uri if fact.media else None,
    )


def _refusal(fact: Event, space_of: SpaceOf) -> BadRecord | None:
    if isinstance(fact, ItemEmbedded):
        return _vector_refusal(fact, space_of)
    if not isinstance(fact, ItemWithdrawn):
        return BadRecord("unexpected_type", f"{type(fact).__name__} cannot be indexed")
    if fact.version is None:
        return BadRecord("missing_version", "only items.raw may leave out the version of a withdrawal")
    return None


def _vector_refusal(fact: ItemEmbedded, space_of: SpaceOf) -> BadRecord | None:
    if any(part.part != at for at, part in enumerate(fact.parts)):
        return BadRecord("wrong_parts", "parts are numbered 0, 1, 2 and so on")
    if fact.dim > MAX_DIM:
        return BadRecord("wrong_dim", f"{fact.dim} numbers, but a vector has at most {MAX_DIM}")
    if (dim := space_of(fact.model_version, fact.dim)) != fact.dim:
        return BadRecord("wrong_dim", f"{fact.dim} numbers, but vectors of {fact.model_version} have {dim}")
    return None


def _usable(facts: Sequence[Event]) -> Iterator[bool]:
    """Whether all vectors of each fact have a direction; one pass over the numbers of facts of one dimension."""
    embedded = [fact for fact in facts if isinstance(fact, ItemEmbedded)]
    usable: dict[int, bool] = {}
    for dim in {fact.dim for fact in embedded}:
        owners = [(at, part.vector) for at, fact in enumerate(embedded) if fact.dim == dim for part in fact.parts]
        numbers = np.frombuffer(b"".join(vector for _, vector in owners), "<f4").reshape(-1, dim)
        with np.errstate(over="ignore", invalid="ignore"):
            lengths = np.sqrt(np.einsum("ij,ij->i", numbers, numbers))
        for (at, _), length in zip(owners, lengths, strict=True):
            usable[at] = usable.get(at, True) and bool(np.isfinite(length) and length > 0)
    return (usable[at] for at in range(len(embedded)))
