"""Puts facts about items into the log, once for each idempotency key. Runs in threads and may wait."""

from hashlib import sha256
from uuid import UUID

from models.metadata.idempotency import StoredAnswer
from models.serving.api.once import Asker, Outcome, once
from models.serving.api.routes.drafts import Accepted, Draft
from models.serving.api.services import Api
from schemas.items import ItemFact, ItemWithdrawn, WithdrawalMode
from streams.codec import encode
from streams.errors import BadRecord
from streams.publishing.offer import prepare
from streams.topics import RAW

SOURCE = "millrace/api"


def publish(api: Api, asker: Asker, draft: Draft) -> Outcome:
    """Stores the medium, then publishes the item. Raises Problem, BadRecord or Unavailable."""
    media = api.services.media
    prepared = prepare(draft.offer(str(asker.computed("item"))), asker.tenant, media.max_bytes)

    def work(event_id: UUID) -> StoredAnswer:
        if prepared.content is not None and prepared.item.media is not None:
            media.put(prepared.content, prepared.item.media.media_type)
        return _sent(api, asker.signed(prepared.item, event_id))

    return once(api.services.keys, asker, prepared.digest.hex(), work)


def withdraw(api: Api, asker: Asker, item_id: str, mode: WithdrawalMode) -> Outcome:
    """Publishes the withdrawal. Raises Problem, BadRecord or Unavailable."""
    fact = ItemWithdrawn(tenant=asker.tenant, item_id=item_id, mode=mode)
    digest = sha256(f"withdrawn/{mode}/{item_id}".encode()).hexdigest()
    return once(api.services.keys, asker, digest, lambda event_id: _sent(api, asker.signed(fact, event_id)))


def _sent(api: Api, fact: ItemFact) -> StoredAnswer:
    """The answer to a fact that the log has acknowledged."""
    encoded = encode(fact, SOURCE)
    if encoded.size > RAW.max_record_bytes:
        raise BadRecord("record_too_large", f"{encoded.size} bytes without the medium; shorten its attributes")
    api.outbox.publish(RAW.full_name(api.services.prefix), encoded)
    return StoredAnswer(202, Accepted(item_id=fact.item_id, event_id=fact.event_id).model_dump_json())
