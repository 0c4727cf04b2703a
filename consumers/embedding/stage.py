"""items.curated -> items.embedded

All texts of a micro-batch are encoded in one run, so that batches by token budget have something to sort.
"""

from collections.abc import Mapping, Sequence

import structlog

from consumers.embedding.config import EmbeddingConfig
from consumers.embedding.drafts import Draft, drafted, embedded, left_out, require_encoder, set_aside, withdrawn
from consumers.embedding.pictures import as_bytes, picture_vectors
from models.encoders.port import Encoder
from schemas.event import Event
from schemas.items import ItemCurated, ItemWithdrawn, MediaRef
from streams.errors import BadRecord, Refusal
from streams.media.store import MediaStore
from streams.stage import BatchLimits, BatchStage, Incoming, Outcome
from streams.topics import CURATED, EMBEDDED

logger = structlog.get_logger()


def embedding_stage(encoder: Encoder, media: MediaStore, config: EmbeddingConfig) -> BatchStage:
    """Vectors of one model version for every item that the encoder can read; withdrawals are handed on."""
    embedding = _Embedding(encoder, media, config)
    limits = BatchLimits(config.max_records, config.max_bytes, config.max_age_s)
    return BatchStage("embedding", sources=(CURATED,), answers=(EMBEDDED,), handle=embedding.outcomes, limits=limits)


class _Embedding:
    def __init__(self, encoder: Encoder, media: MediaStore, config: EmbeddingConfig) -> None:
        self._encoder = encoder
        self._media = media
        self._config = config

    def outcomes(self, batch: Sequence[Incoming]) -> list[Outcome]:
        planned = [self._planned(incoming.fact) for incoming in batch]
        drafts = [plan for plan in planned if isinstance(plan, Draft)]
        answers = iter(self._answers(drafts))
        return [next(answers) if isinstance(plan, Draft) else plan for plan in planned]

    def _planned(self, fact: Event) -> Draft | Outcome:
        try:
            if isinstance(fact, ItemCurated):
                return self._drafted(fact)
            if isinstance(fact, ItemWithdrawn):
                return (withdrawn(fact),)
        except Refusal as refusal:
            return set_aside(fact, refusal) if isinstance(fact, ItemCurated) else refusal
        return BadRecord("unexpected_type", type(fact).__name__)

    def _drafted(self, item: ItemCurated) -> Draft:
        require_encoder(item, self._encoder)
        text = self._text(item)
        draft = drafted(item, text, self._encoder)
        if draft.words and (chars := left_out(text, draft.words)):
            logger.info(
                "text_cut", tenant=item.tenant, item_id=item.item_id, version=item.version, left_out_chars=chars
            )
        return draft

    def _text(self, item: ItemCurated) -> str:
        """The words in the record, else those it refers to."""
        if item.text is not None or item.media is None or item.media.media_type != "text/plain":
            return item.text or ""
        content = self._media.get(item.media, self._config.max_text_bytes)
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise BadRecord("invalid_text", f"{item.media.uri} is not UTF-8: {error.reason}") from error

    def _answers(self, drafts: Sequence[Draft]) -> list[Outcome]:
        pictures = [draft.picture for draft in drafts if draft.picture is not None]
        seen = picture_vectors(pictures, self._encoder, self._media, self._config.media_bytes)
        windows = list(dict.fromkeys(window for draft in drafts for window in draft.words))
        read = dict(zip(windows, as_bytes(self._encoder.encode_texts(windows)), strict=True))
        return [self._answer(draft, seen, read) for draft in drafts]

    def _answer(self, draft: Draft, seen: Mapping[MediaRef, bytes | BadRecord], read: Mapping[str, bytes]) -> Outcome:
        picture = None if draft.picture is None else seen[draft.picture]
        if isinstance(picture, BadRecord):
            return set_aside(draft.item, picture)
        return (embedded(draft, picture, read, self._encoder),)
