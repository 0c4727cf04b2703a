"""items.raw -> items.curated | items.rejected

Every raw record gets exactly one outcome, and the same one when it comes again. A withdrawal goes on to items.curated
with its version; so does one for an item whose newer content was refused, lest the older content stay findable: it
names the version below, so that the refused one can take its place once the rules allow it.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from consumers.curation.answers import Answer
from consumers.curation.claims import Claims, Request
from consumers.curation.config import CurationConfig
from consumers.curation.content.objections import Objection, shown
from consumers.curation.inspection import Content, inspect
from consumers.curation.ledger import Claimant, Ruling
from schemas.event import Event
from schemas.items import (
    ItemCurated,
    ItemFact,
    ItemPublished,
    ItemRejected,
    ItemWithdrawn,
    RejectReason,
    WithdrawalMode,
)
from streams.errors import BadRecord
from streams.media.store import MediaStore
from streams.stage import BatchStage, Incoming, Outcome
from streams.topics import CURATED, RAW, REJECTED

FOUND = ("modality", "text", "media", "media_facts", "content_sha256", "language_confidence")
"""Fields that ItemCurated takes over from Content as they are."""

Finding = Content | Objection | WithdrawalMode
"""What a raw record comes to by itself, before the claims of other items are heard."""


def curation_stage(config: CurationConfig, media: MediaStore, claims: Claims, log_epoch: int = 0) -> BatchStage:
    """The stage. `log_epoch` counts the log's moves to another cluster, and lifts its versions above those before."""
    pool = ThreadPoolExecutor(config.workers, thread_name_prefix="curation")

    def look(incoming: Incoming) -> Finding:
        fact = incoming.fact
        return inspect(fact, media, config) if isinstance(fact, ItemPublished) else _mode(fact)

    def handle(batch: Sequence[Incoming]) -> Sequence[Outcome]:
        nameable = [incoming for incoming in batch if not _unnameable(incoming)]
        findings = _look_at_all(nameable, look, pool)
        requests = [_request(one, finding, log_epoch) for one, finding in zip(nameable, findings, strict=True)]

        def answer(position: int, ruling: Ruling) -> Answer:
            return _answer(nameable[position].fact, requests[position], findings[position], ruling)

        answers = iter(claims.settle(requests, answer))
        return [_unnameable(incoming) or next(answers).events for incoming in batch]

    return BatchStage("curation", sources=(RAW,), answers=(CURATED, REJECTED), handle=handle)


def _unnameable(incoming: Incoming) -> BadRecord | None:
    fact = incoming.fact
    if isinstance(fact, ItemFact) and "\0" in fact.item_id:
        return BadRecord("invalid_item_id", "an item id must not contain U+0000")
    return None


def _mode(fact: object) -> WithdrawalMode:
    # REPLACED is a word of ours; from a producer it means no more than a deletion.
    erases = isinstance(fact, ItemWithdrawn) and fact.mode == WithdrawalMode.ERASE
    return WithdrawalMode.ERASE if erases else WithdrawalMode.DELETE


def _look_at_all(
    batch: Sequence[Incoming], look: Callable[[Incoming], Finding], pool: ThreadPoolExecutor
) -> list[Finding]:
    """Findings in order. Media are fetched and decoded several at a time; for words alone threads cost more."""
    futures = {
        position: pool.submit(look, incoming)
        for position, incoming in enumerate(batch)
        if isinstance(incoming.fact, ItemPublished) and incoming.fact.media is not None
    }
    try:
        return [
            futures[position].result() if position in futures else look(incoming)
            for position, incoming in enumerate(batch)
        ]
    finally:
        for future in futures.values():
            future.cancel()  # one has failed: the whole batch comes again


def _request(incoming: Incoming, finding: Finding, log_epoch: int) -> Request:
    fact, origin = incoming.fact, incoming.origin
    assert isinstance(fact, ItemFact)
    wanted = finding.content_sha256 if isinstance(finding, Content) else None
    claimant = Claimant(fact.tenant, fact.item_id, origin.version(log_epoch), wanted)
    return Request(f"{shown(origin.topic)}/{origin.partition}", fact.event_id, claimant)


def _answer(fact: Event, request: Request, finding: Finding, ruling: Ruling) -> Answer:
    claimant = request.claimant
    common: dict[str, Any] = {"tenant": claimant.tenant, "item_id": claimant.item_id, "version": claimant.version}
    curated = rejected = withdrawn = None
    if isinstance(finding, WithdrawalMode):
        withdrawn = ItemWithdrawn.following(fact, **common, mode=finding)
    elif isinstance(finding, Content) and ruling.duplicate_of is None:
        curated = ItemCurated.following(fact, **common, **_facts(fact, finding))
    else:
        rejected = ItemRejected.following(fact, **common, **_reason(finding, ruling))
        if ruling.replaces and claimant.version > 0:  # below the first version there is nothing
            withdrawn = ItemWithdrawn.following(
                fact, **common | {"version": claimant.version - 1}, mode=WithdrawalMode.REPLACED
            )
    return Answer(
        version=claimant.version, cause=request.cause, curated=curated, rejected=rejected, withdrawn=withdrawn
    )


def _facts(fact: Event, content: Content) -> dict[str, Any]:
    found = {name: getattr(content, name) for name in FOUND}
    return {**dict(content.description), **found, "published_at": fact.occurred_at}


def _reason(finding: Content | Objection, ruling: Ruling) -> dict[str, Any]:
    if isinstance(finding, Objection):
        return {"reason": finding.reason, "measured": finding.measured, "threshold": finding.threshold}
    return {"reason": RejectReason.EXACT_DUPLICATE, "measured": ruling.duplicate_of}
