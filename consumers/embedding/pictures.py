"""Pictures from the media store to vectors, a bounded number of bytes at a time.

A micro-batch of references is small, the pictures behind it are not: they are fetched and encoded in portions. Where
several encoders see them, each picture is fetched once.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial

from consumers.embedding.joining import Company
from models.encoders.port import Encoder, Vectors
from schemas.items import MediaRef, Modality
from streams.errors import BadRecord
from streams.media.store import MediaStore

Seen = dict[MediaRef, bytes | BadRecord]
"""A vector, or what is wrong, for each picture."""


def picture_vectors(
    refs: Iterable[MediaRef], company: Company, media: MediaStore, media_bytes: int
) -> Mapping[str, Seen]:
    """By version what each encoder sees, each distinct picture once. Raises Unavailable while the store is down."""
    seen: defaultdict[str, Seen] = defaultdict(dict)
    for portion in portions(list(dict.fromkeys(refs)), media_bytes):
        fetched = {ref: _fetched(ref, media) for ref in portion}
        for version, vectors in company.each(partial(_encoded, fetched)).items():
            seen[version].update(vectors)
    return seen


def portions(refs: Sequence[MediaRef], media_bytes: int) -> Iterator[list[MediaRef]]:
    """The references in order, cut so that no portion of several exceeds `media_bytes`."""
    portion: list[MediaRef] = []
    size = 0
    for ref in refs:
        if portion and size + ref.length > media_bytes:
            yield portion
            portion, size = [], 0
        portion.append(ref)
        size += ref.length
    if portion:
        yield portion


def as_bytes(vectors: Vectors) -> list[bytes]:
    """Each row as the wire carries it: float32, little-endian."""
    return [row.tobytes() for row in vectors.astype("<f4", copy=False)]


def _encoded(fetched: Seen, encoder: Encoder) -> Seen:
    """Vectors of the contents that could be fetched; none of an encoder that sees no pictures."""
    if Modality.IMAGE not in encoder.modalities:
        return {}
    refused: Seen = {ref: found for ref, found in fetched.items() if isinstance(found, BadRecord)}
    contents = {ref: found for ref, found in fetched.items() if isinstance(found, bytes)}
    try:
        vectors = as_bytes(encoder.encode_images(list(contents.values())))
    except BadRecord:  # one of them; alone it does not spoil the others
        return refused | {ref: _alone(content, encoder) for ref, content in contents.items()}
    return refused | dict(zip(contents, vectors, strict=True))


def _fetched(ref: MediaRef, media: MediaStore) -> bytes | BadRecord:
    try:
        return media.get(ref)
    except BadRecord as refusal:
        return refusal


def _alone(content: bytes, encoder: Encoder) -> bytes | BadRecord:
    try:
        return as_bytes(encoder.encode_images([content]))[0]
    except BadRecord as refusal:
        return refusal
