"""items.embedded -> items.indexed

The index acknowledges durably before anything is answered. A version is told as indexed when it took effect now or had
taken effect before: a redelivery tells the same fact again, under the same event id. A version that came too late, or
was followed by a newer one in the same batch, is never told: it was never in effect.
"""

from collections.abc import Sequence

from consumers.indexing.entries import entry_of, refusals
from models.vector_index.port import Applied, VectorIndex
from schemas.event import Event
from schemas.items import ItemEmbedded, ItemIndexed, ItemWithdrawn
from streams.errors import BadRecord
from streams.stage import BatchStage, Incoming, Outcome
from streams.topics import EMBEDDED, INDEXED


def indexing_stage(index: VectorIndex) -> BatchStage:
    """Writes what is embedded or withdrawn to the index, the highest version of an item winning in any order."""

    def handle(batch: Sequence[Incoming]) -> Sequence[Outcome]:
        facts = [incoming.fact for incoming in batch]
        outcomes: list[Outcome | None] = list(refusals(facts, index.ensure_space))
        accepted = [at for at, refusal in enumerate(outcomes) if refusal is None]
        applied = index.apply([entry_of(facts[at]) for at in accepted])
        for at, what in zip(accepted, applied, strict=True):
            outcomes[at] = () if what is Applied.STALE else (indexed(facts[at]),)
        return [outcome for outcome in outcomes if outcome is not None]

    return BatchStage("indexing", sources=(EMBEDDED,), answers=(INDEXED,), handle=handle)


def indexed(fact: Event) -> ItemIndexed:
    """What is told about a version that is in effect."""
    if isinstance(fact, ItemEmbedded):
        return ItemIndexed.following(
            fact,
            tenant=fact.tenant,
            item_id=fact.item_id,
            version=fact.version,
            model_version=fact.model_version,
            parts=len(fact.parts),
            published_at=fact.published_at,
        )
    if isinstance(fact, ItemWithdrawn):
        return ItemIndexed.following(fact, tenant=fact.tenant, item_id=fact.item_id, version=fact.version, parts=0)
    raise BadRecord("unexpected_type", f"{type(fact).__name__} cannot be indexed")
