"""Sends items to `items.raw`, each version once, and withdraws them.

A promise counts after `flush`. The event id is computed from the item, its generation and its digest, so a record that
is sent twice because of a crash is one event. Without a journal nobody counts generations: every call sends a new one.
"""

from dataclasses import replace
from enum import StrEnum
from hashlib import sha256
from typing import Protocol
from uuid import UUID, uuid4, uuid5

from pydantic import ValidationError

from schemas.items import ItemWithdrawn, WithdrawalMode
from streams.codec import Encoded, encode
from streams.errors import BadRecord, Misconfigured
from streams.media.store import MediaStore
from streams.port import Producer
from streams.publishing.journal import Entry, Journal
from streams.publishing.offer import Offer, Prepared, prepare
from streams.topics import RAW

NAMESPACE = UUID("6b1d3c5e-8f0a-5c43-9a37-2f4c1e7d9b60")
REMOTE_AT_ONCE = 8
"""Media stored at the same time where the store is behind a network."""
SETTLE_EVERY = 256
"""Acknowledgements that are written to the journal together."""


class Receipt(StrEnum):
    """What became of an offer."""

    PUBLISHED = "published"
    UNCHANGED = "unchanged"
    """The newest record of the item says just this."""
    STAYS_WITHDRAWN = "stays_withdrawn"
    """It was withdrawn here before, and nobody asked to restore it."""


class Submits(Protocol):
    """Takes prepared items; `Publisher` sends them, `Preview` only tells what would be sent."""

    def store(self, prepared: Prepared, *, restore: bool = False) -> Prepared: ...

    def submit(self, prepared: Prepared, *, restore: bool = False) -> Receipt: ...


class Publisher:
    """One tenant's way into one log. Call from one thread; only `store` may be called from others."""

    def __init__(
        self,
        producer: Producer,
        media: MediaStore,
        topic: str,
        journal: Journal | None = None,
        tenant: str = "default",
        speaker: str = "millrace/publish",
    ) -> None:
        """`topic` is the full name of `items.raw`; `speaker` becomes the CloudEvents source."""
        _withdrawal(tenant, "any", WithdrawalMode.DELETE)  # refuses an impossible tenant at once
        self.tenant = tenant
        self.max_bytes = media.max_bytes
        self.media_at_once = REMOTE_AT_ONCE if media.remote else 1
        self._producer = producer
        self._media = media
        self._topic = topic
        self._journal = journal
        self._speaker = speaker
        self._under_way: dict[str, Entry] = {}
        self._acknowledged: list[tuple[str, Entry]] = []

    def publish(self, offer: Offer, *, restore: bool = False, event_id: UUID | None = None) -> Receipt:
        """Stores the medium and sends the item, unless its newest record says the same.

        A withdrawn item stays withdrawn unless `restore` is true. `event_id` overrides the computed one, for callers
        that have an idempotency key. Raises BadRecord for an item that cannot be published, or Unavailable.
        """
        return self.submit(prepare(offer, self.tenant, self.max_bytes), restore=restore, event_id=event_id)

    def store(self, prepared: Prepared, *, restore: bool = False) -> Prepared:
        """Stores the medium of an item that will be sent, ahead of `submit`, and lets go of the bytes."""
        item = prepared.item
        will_send = _receipt(self._last(item.item_id), prepared.digest, restore) is Receipt.PUBLISHED
        if prepared.content is None or item.media is None or not will_send:
            return prepared
        self._media.put(prepared.content, item.media.media_type)
        return replace(prepared, content=None)

    def submit(self, prepared: Prepared, *, restore: bool = False, event_id: UUID | None = None) -> Receipt:
        """The same as `publish` for an item that is prepared already."""
        item, last = prepared.item, self._last(prepared.item.item_id)
        receipt = _receipt(last, prepared.digest, restore)
        if receipt is Receipt.PUBLISHED:
            entry = Entry(prepared.digest, _next_generation(last))
            named = item.model_copy(update={"event_id": event_id or self._event_id(item.item_id, entry)})
            encoded = _within_limit(encode(named, self._speaker))
            if prepared.content is not None and item.media is not None:
                self._media.put(prepared.content, item.media.media_type)
            self._send(item.item_id, entry, encoded)
        return receipt

    def withdraw(
        self, item_id: str, mode: WithdrawalMode = WithdrawalMode.DELETE, *, event_id: UUID | None = None
    ) -> None:
        """Sends a withdrawal, always: somebody else may have published the item again."""
        event = _withdrawal(self.tenant, item_id, mode)
        digest = sha256(f"withdrawn/{mode}".encode()).digest()
        entry = Entry(digest, _next_generation(self._last(item_id)), withdrawn=True)
        named = event.model_copy(update={"event_id": event_id or self._event_id(item_id, entry)})
        self._send(item_id, entry, encode(named, self._speaker))

    def flush(self, timeout_s: float = 60.0) -> None:
        """Waits until everything sent is in the log, and remembers it. Raises Unavailable."""
        try:
            self._producer.flush(timeout_s)
        finally:
            self._settle()
            self._under_way.clear()

    def _send(self, item_id: str, entry: Entry, encoded: Encoded) -> None:
        if self._journal is None:
            self._producer.send(self._topic, encoded)
            return
        self._producer.send(self._topic, encoded, lambda: self._acknowledged.append((item_id, entry)))
        self._under_way[item_id] = entry
        if len(self._acknowledged) >= SETTLE_EVERY:
            self._settle()

    def _settle(self) -> None:
        """Writes down what the broker acknowledged since the last time."""
        if self._journal is None or not self._acknowledged:
            return
        settled, self._acknowledged = self._acknowledged, []
        self._journal.remember(self.tenant, settled)
        for item_id, entry in settled:
            if self._under_way.get(item_id) == entry:
                del self._under_way[item_id]

    def _last(self, item_id: str) -> Entry | None:
        if self._journal is None:
            return None
        return self._under_way.get(item_id) or self._journal.last(self.tenant, item_id)

    def _event_id(self, item_id: str, entry: Entry) -> UUID:
        if self._journal is None:
            return uuid4()
        return uuid5(NAMESPACE, f"{self.tenant}/{item_id}/{entry.generation}/{entry.digest.hex()}")


class Preview:
    """Says what a Publisher would do, and does nothing."""

    def __init__(self, journal: Journal | None, tenant: str = "default") -> None:
        self._journal = journal
        self._tenant = tenant

    def store(self, prepared: Prepared, *, restore: bool = False) -> Prepared:
        return prepared

    def submit(self, prepared: Prepared, *, restore: bool = False) -> Receipt:
        last = self._journal.last(self._tenant, prepared.item.item_id) if self._journal else None
        _within_limit(encode(prepared.item, "preview"))
        return _receipt(last, prepared.digest, restore)


def _withdrawal(tenant: str, item_id: str, mode: WithdrawalMode) -> ItemWithdrawn:
    """Raises Misconfigured for a tenant or an id that no item can have."""
    try:
        return ItemWithdrawn(tenant=tenant, item_id=item_id, mode=mode)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise Misconfigured(f"{first['loc'][0]}: {first['msg']}") from error


def _receipt(last: Entry | None, digest: bytes, restore: bool) -> Receipt:
    if last is None:
        return Receipt.PUBLISHED
    if last.withdrawn:
        return Receipt.PUBLISHED if restore else Receipt.STAYS_WITHDRAWN
    return Receipt.UNCHANGED if last.digest == digest else Receipt.PUBLISHED


def _next_generation(last: Entry | None) -> int:
    return last.generation + 1 if last else 1


def _within_limit(encoded: Encoded) -> Encoded:
    if encoded.size > RAW.max_record_bytes:
        allowed = f"{RAW.max_record_bytes} are allowed; shorten its attributes"
        raise BadRecord("record_too_large", f"{encoded.size} bytes, {allowed}")
    return encoded
