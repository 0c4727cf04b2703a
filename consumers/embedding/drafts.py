"""What of an item is to be embedded, and the answer once the vectors are there."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from models.encoders.port import Encoder
from schemas.items import (
    Described,
    EmbeddedPart,
    ItemCurated,
    ItemEmbedded,
    ItemWithdrawn,
    MediaRef,
    Modality,
    WithdrawalMode,
)
from streams.errors import BadRecord, NotYet, Refusal


@dataclass(frozen=True, slots=True)
class Draft:
    """An item before its vectors: its picture if it has one, and the windows of its words."""

    item: ItemCurated
    picture: MediaRef | None
    words: tuple[str, ...]


def drafted(item: ItemCurated, text: str, encoder: Encoder) -> Draft:
    """The parts of a text or a captioned picture. Raises BadRecord where there is nothing to embed."""
    if item.modality is Modality.IMAGE and item.media is None:
        raise BadRecord("media_missing", "a picture needs media")
    picture = item.media if item.modality is Modality.IMAGE else None
    words = tuple(encoder.split(text))
    if picture is None and not words:
        raise BadRecord("nothing_to_embed", "no words that the encoder reads")
    return Draft(item, picture, words)


def require_encoder(item: ItemCurated, encoder: Encoder) -> None:
    """Raises NotYet for a modality without an encoder, with or without a caption: half an item would mislead."""
    if item.modality not in encoder.modalities:
        raise NotYet("no_encoder", f"no encoder for this modality yet: {item.modality}")


def left_out(text: str, words: Iterable[str]) -> int:
    """Characters of a text after its last window; no search will find the item by them."""
    place = 0
    for window in words:
        place = text.index(window, place) + len(window)
    return len(text[place:].strip())


def embedded(draft: Draft, picture: bytes | None, words: Mapping[str, bytes], encoder: Encoder) -> ItemEmbedded:
    """The fact about an item, given the vectors of its picture and of its windows.

    Its id names the space: the same fact, whether the space was live, was filled beside it or behind it.
    """
    item = draft.item
    return ItemEmbedded.following(
        item,
        encoder.version,
        **{name: getattr(item, name) for name in Described.model_fields},
        tenant=item.tenant,
        item_id=item.item_id,
        version=item.version,
        modality=item.modality,
        model_version=encoder.version,
        dim=encoder.dim,
        parts=_parts(draft, picture, words, encoder),
        media=item.media,
        published_at=item.published_at,
    )


def withdrawn(fact: ItemWithdrawn) -> ItemWithdrawn:
    """The same withdrawal, handed on. Raises BadRecord without a version: nobody could order it."""
    if fact.version is None:
        raise BadRecord("missing_version", "a withdrawal needs the version that the log assigned")
    return ItemWithdrawn.following(fact, tenant=fact.tenant, item_id=fact.item_id, version=fact.version, mode=fact.mode)


def set_aside(item: ItemCurated, refusal: Refusal) -> Refusal:
    """The refusal of an item that also withdraws the item's older content: it must not be found in its place."""
    if item.version == 0:
        return refusal
    older = ItemWithdrawn.following(
        item, tenant=item.tenant, item_id=item.item_id, version=item.version - 1, mode=WithdrawalMode.REPLACED
    )
    return type(refusal)(refusal.reason, refusal.detail, also=(older,))


def _parts(
    draft: Draft, picture: bytes | None, words: Mapping[str, bytes], encoder: Encoder
) -> tuple[EmbeddedPart, ...]:
    """The picture first, then the words in their order."""
    seen = [(Modality.IMAGE, picture, None)] if picture is not None else []
    read = [(Modality.TEXT, words[window], window) for window in draft.words]
    return tuple(
        EmbeddedPart(part=part, modality=modality, vector=vector, text=text, untrained=modality in encoder.untrained)
        for part, (modality, vector, text) in enumerate([*seen, *read])
    )
