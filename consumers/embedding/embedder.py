"""Curated items to vectors in one space or several, in one go.

All texts of a micro-batch are encoded in one run, so that batches by token budget have something to sort. What several
encoders have in common is done once: fetching, and texts that they read alike.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import structlog

from consumers.embedding.config import EmbeddingConfig
from consumers.embedding.drafts import Draft, drafted, embedded, left_out, require_encoder, set_aside, withdrawn
from consumers.embedding.joining import Company, joined
from consumers.embedding.pictures import Seen, picture_vectors
from consumers.embedding.texts import TextVectors
from models.encoders.port import Encoder
from schemas.event import Event
from schemas.items import ItemCurated, ItemWithdrawn
from streams.errors import BadRecord, Refusal
from streams.media.store import MediaStore
from streams.stage import Outcome

logger = structlog.get_logger()

Broke = Callable[[str, str], None]
"""Is told the version of an encoder beside the live one that broke, and how, before anything goes on without it."""


def _nobody(version: str, fault: str) -> None:
    """Where nobody is to be told, the log has it."""


class Said(NamedTuple):
    """An item with its words, which may have lain elsewhere."""

    item: ItemCurated
    text: str


class Embedder:
    """May be shared by threads."""

    def __init__(self, media: MediaStore, config: EmbeddingConfig, broke: Broke = _nobody) -> None:
        self._media = media
        self._config = config
        self._broke = broke
        self._texts = TextVectors(config.text_cache_mb * 2**20)

    def outcomes(self, facts: Sequence[Event], encoders: Sequence[Encoder]) -> list[Outcome]:
        """What becomes of each fact: its vectors from each encoder, of which the first one decides whether it is set
        aside; a withdrawal is handed on once. Another one that breaks is left out. Raises Unavailable while the
        media store is down."""
        said = [self._said(fact) for fact in facts]
        items = [one for one in said if isinstance(one, Said)]
        answers = iter(zip(*self._answers(items, encoders), strict=True))
        return [joined(next(answers)) if isinstance(one, Said) else one for one in said]

    def _said(self, fact: Event) -> Said | Outcome:
        try:
            if isinstance(fact, ItemCurated):
                return Said(fact, self._text(fact))
            if isinstance(fact, ItemWithdrawn):
                return (withdrawn(fact),)
        except Refusal as refusal:
            return set_aside(fact, refusal) if isinstance(fact, ItemCurated) else refusal
        return BadRecord("unexpected_type", type(fact).__name__)

    def _text(self, item: ItemCurated) -> str:
        """The words in the record, else those it refers to."""
        if item.text is not None or item.media is None or item.media.media_type != "text/plain":
            return item.text or ""
        content = self._media.get(item.media, self._config.max_text_bytes)
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise BadRecord("invalid_text", f"{item.media.uri} is not UTF-8: {error.reason}") from error

    def _answers(self, items: Sequence[Said], encoders: Sequence[Encoder]) -> list[list[Outcome]]:
        """For each encoder what it makes of each item; nothing of one that breaks."""
        company = Company(encoders)
        planned = company.each(lambda encoder: [_planned(one, encoder) for one in items])
        _tell_what_is_left_out(items, planned[encoders[0].version])
        seen = self._seen(planned.values(), company)
        made = company.each(
            lambda encoder: self._embedded(planned[encoder.version], seen.get(encoder.version, {}), encoder)
        )
        for version, fault in company.broken.items():
            self._broke(version, fault)
        return list(made.values())

    def _seen(self, planned: Iterable[Sequence[Draft | Refusal]], company: Company) -> Mapping[str, Seen]:
        """By version what each encoder sees."""
        drafts = (plan for plans in planned for plan in plans if isinstance(plan, Draft))
        pictures = [draft.picture for draft in drafts if draft.picture is not None]
        return picture_vectors(pictures, company, self._media, self._config.media_bytes)

    def _embedded(self, plans: Sequence[Draft | Refusal], seen: Seen, encoder: Encoder) -> list[Outcome]:
        windows = dict.fromkeys(window for plan in plans if isinstance(plan, Draft) for window in plan.words)
        read = self._texts.of(windows, encoder)
        return [plan if isinstance(plan, Refusal) else _answer(plan, seen, read, encoder) for plan in plans]


def _planned(said: Said, encoder: Encoder) -> Draft | Refusal:
    try:
        require_encoder(said.item, encoder)
        return drafted(said.item, said.text, encoder)
    except Refusal as refusal:
        return set_aside(said.item, refusal)


def _answer(draft: Draft, seen: Seen, read: Mapping[str, bytes], encoder: Encoder) -> Outcome:
    picture = None if draft.picture is None else seen[draft.picture]
    if isinstance(picture, BadRecord):
        return set_aside(draft.item, picture)
    return (embedded(draft, picture, read, encoder),)


def _tell_what_is_left_out(items: Sequence[Said], plans: Sequence[Draft | Refusal]) -> None:
    for said, plan in zip(items, plans, strict=True):
        if isinstance(plan, Draft) and plan.words and (chars := left_out(said.text, plan.words)):
            item = said.item
            logger.info(
                "text_cut", tenant=item.tenant, item_id=item.item_id, version=item.version, left_out_chars=chars
            )
