"""Puts facts about items into the log, once for each idempotency key. Runs in threads and may wait."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import TypeVar
from uuid import UUID, uuid4

from models.metadata.idempotency import Claim, IdempotencyKeys, InProgress, OtherRequest, StoredAnswer
from models.serving.api import metrics
from models.serving.api.edge.problems import Problem
from models.serving.api.routes.drafts import Accepted, Draft, computed_id
from models.serving.api.services import Api
from schemas.items import ItemFact, ItemWithdrawn, WithdrawalMode
from streams.codec import encode
from streams.errors import BadRecord, MillraceError
from streams.publishing.offer import prepare
from streams.topics import RAW

SOURCE = "millrace/api"
F = TypeVar("F", bound=ItemFact)
Work = Callable[[UUID], StoredAnswer]
"""Publishes a fact under the given event id; may be repeated."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and under which key and trace."""

    tenant: str
    key: str | None = None
    traceparent: str | None = None

    def computed(self, *parts: str) -> UUID:
        """An id that a repetition under the same key gets too; without a key a new one every time."""
        return uuid4() if self.key is None else computed_id(self.tenant, self.key, *parts)

    def signed(self, fact: F, event_id: UUID) -> F:
        """The fact under that id, in the asker's trace."""
        trace = {"traceparent": self.traceparent} if self.traceparent else {}
        return fact.model_copy(update={"event_id": event_id, **trace})


@dataclass(frozen=True, slots=True)
class Outcome:
    """An answer, and whether it was given before."""

    answer: StoredAnswer
    replayed: bool = False


def publish(api: Api, asker: Asker, draft: Draft) -> Outcome:
    """Stores the medium, then publishes the item. Raises Problem, BadRecord or Unavailable."""
    media = api.services.media
    prepared = prepare(draft.offer(str(asker.computed("item"))), asker.tenant, media.max_bytes)

    def work(event_id: UUID) -> StoredAnswer:
        if prepared.content is not None and prepared.item.media is not None:
            media.put(prepared.content, prepared.item.media.media_type)
        return _sent(api, asker.signed(prepared.item, event_id))

    return _once(api.services.keys, asker, prepared.digest.hex(), work)


def withdraw(api: Api, asker: Asker, item_id: str, mode: WithdrawalMode) -> Outcome:
    """Publishes the withdrawal. Raises Problem, BadRecord or Unavailable."""
    fact = ItemWithdrawn(tenant=asker.tenant, item_id=item_id, mode=mode)
    digest = sha256(f"withdrawn/{mode}/{item_id}".encode()).hexdigest()
    return _once(api.services.keys, asker, digest, lambda event_id: _sent(api, asker.signed(fact, event_id)))


def _sent(api: Api, fact: ItemFact) -> StoredAnswer:
    """The answer to a fact that the log has acknowledged."""
    encoded = encode(fact, SOURCE)
    if encoded.size > RAW.max_record_bytes:
        raise BadRecord("record_too_large", f"{encoded.size} bytes without the medium; shorten its attributes")
    api.outbox.publish(RAW.full_name(api.services.prefix), encoded)
    return StoredAnswer(202, Accepted(item_id=fact.item_id, event_id=fact.event_id).model_dump_json())


def _once(keys: IdempotencyKeys, asker: Asker, digest: str, work: Work) -> Outcome:
    """The first answer under this key; work that fails leaves the key free for another try of the same request."""
    event_id = asker.computed("event", digest)
    if asker.key is None:
        return Outcome(work(event_id))
    standing = keys.claim(asker.tenant, asker.key, digest)
    match standing:
        case StoredAnswer():
            metrics.REPLAYED_ANSWERS.inc()
            return Outcome(standing, replayed=True)
        case OtherRequest():
            raise Problem(409, "idempotency-key-reused", "this Idempotency-Key belongs to another request")
        case InProgress():
            detail = "a request with this Idempotency-Key is in progress; its answer can be had in a moment"
            raise Problem(409, "idempotency-in-progress", detail, {"Retry-After": "1"})
        case Claim():
            return Outcome(_worked(keys, standing, lambda: work(event_id)))


def _worked(keys: IdempotencyKeys, claim: Claim, work: Callable[[], StoredAnswer]) -> StoredAnswer:
    try:
        answer = work()
    except MillraceError:
        keys.release(claim)
        raise
    keys.complete(claim, answer)
    return answer
