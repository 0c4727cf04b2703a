"""Publishes everything that a source finds, and keeps count. What cannot be published is reported and stops nothing."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from streams.errors import BadRecord
from streams.publishing.ahead import in_order
from streams.publishing.journal import Seen
from streams.publishing.offer import Found, Prepared, prepare
from streams.publishing.publisher import Receipt, Submits

EXAMPLES = 100
"""Refusals that are kept with their place; all of them are counted."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An item that was not published."""

    place: str
    reason: str
    detail: str


@dataclass(slots=True)
class Summary:
    """What became of everything that was found."""

    receipts: Counter[Receipt] = field(default_factory=Counter)
    by_modality: Counter[str] = field(default_factory=Counter)
    """Published items."""
    refused: Counter[str] = field(default_factory=Counter)
    """By reason."""
    refusals: list[Refusal] = field(default_factory=list)
    """The first of them."""
    weight: int = 0
    """Bytes of input done with."""

    @property
    def found(self) -> int:
        return self.receipts.total() + self.refused.total()

    def refuse(self, place: str, refusal: BadRecord) -> None:
        self.refused[refusal.reason] += 1
        if len(self.refusals) < EXAMPLES:
            self.refusals.append(Refusal(place, refusal.reason, refusal.detail))


@dataclass(frozen=True, slots=True)
class Limits:
    """Whose items these are, and how large they may be."""

    tenant: str
    max_bytes: int
    restore: bool = False
    at_once: int = 1
    """Media that are read and stored at the same time: 1 for a folder, more for a store behind a network."""


def publish_all(
    items: Iterable[Found], publisher: Submits, limits: Limits, on_progress: Callable[[Summary], None]
) -> Summary:
    """Publishes what is found. The caller flushes. Raises Unavailable, and the next run goes on from there."""
    summary, seen = Summary(), Seen()

    def ready(found: Found) -> Prepared | BadRecord:
        try:
            return _prepared(found, publisher, limits)
        except BadRecord as refusal:
            return refusal

    for found, prepared in in_order(items, ready, lambda found: found.weight, limits.at_once):
        try:
            _publish(prepared, publisher, limits, summary, seen)
        except BadRecord as refusal:
            summary.refuse(found.place, refusal)
        summary.weight += found.weight
        on_progress(summary)
    return summary


def _prepared(found: Found, publisher: Submits, limits: Limits) -> Prepared:
    if isinstance(found.what, BadRecord):
        raise found.what
    prepared = prepare(found.what, limits.tenant, limits.max_bytes)
    return publisher.store(prepared, restore=limits.restore) if limits.at_once > 1 else prepared


def _publish(prepared: Prepared | BadRecord, publisher: Submits, limits: Limits, summary: Summary, seen: Seen) -> None:
    if isinstance(prepared, BadRecord):
        raise prepared
    item = prepared.item
    before = seen.before(item.item_id)
    if before is not None and before != prepared.digest:
        raise BadRecord("duplicate_id", f"another item of this run is called {item.item_id!r}")
    seen.note(item.item_id, prepared.digest)
    receipt = Receipt.UNCHANGED if before else publisher.submit(prepared, restore=limits.restore)
    summary.receipts[receipt] += 1
    if receipt is Receipt.PUBLISHED:
        summary.by_modality[item.modality or "unknown"] += 1
