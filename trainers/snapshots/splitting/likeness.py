"""Which items are nearly the same as one to measure with.

Texts by the cosine of their vectors. Pictures by the correlation of their thumbnails: an encoder that learnt classes
maps all pictures of a class to one place, and one that learnt nothing maps all pictures there, while thumbnails tell
another size, encoding or brightness of a picture from another picture. Other media are compared by digest alone.

Exact: every item is compared with every evaluation item of its modality, `items x evaluation items x numbers`
multiplications in blocks of bounded memory. What was computed of an item is kept until the next snapshot.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import numpy as np
import structlog
from numpy.typing import NDArray

from models.encoders.pictures import pixels
from models.encoders.port import Encoder
from schemas.items import MediaRef, Modality
from streams.errors import BadRecord
from streams.media.store import MediaStore
from trainers.snapshots.config import SnapshotConfig
from trainers.snapshots.rows import Row
from trainers.snapshots.splitting.sides import Pair, Place

logger = structlog.get_logger()

T = TypeVar("T")

Features = NDArray[np.float32]
"""Rows of unit length; 0 for what cannot be compared."""

BLOCK = 2048
THUMBNAIL_PX = 16
TEXTS_AT_ONCE = 256
PICTURES_AT_ONCE = 64
READERS = 8
"""Requests at once to a media store behind a network."""
ROUNDING = 1e-5
"""What single precision may take from the cosine of a vector with itself."""


class Likeness:
    """Compares the items of snapshots. For one thread at a time. Raises Unavailable with the media store."""

    def __init__(self, media: MediaStore, config: SnapshotConfig) -> None:
        self._media = media
        self._config = config
        self._texts: dict[str, Features] = {}
        self._pictures: dict[str, Features] = {}
        self._space = ""

    def near(self, rows: Sequence[Row], evaluation: Collection[Place], encoder: Encoder) -> list[Pair]:
        """Each row that is nearly the same as one to measure with, and which one; exact duplicates among them.

        Of those to measure with, each that is nearly the same as an earlier one: they are one witness, not two.
        """
        measured = frozenset(evaluation)
        return [
            pair
            for features, threshold in self._features(rows, encoder)
            for pair in _pairs(rows, measured, features, threshold)
        ]

    def like(
        self, rows: Sequence[Row], ours: Collection[Place], theirs: Collection[Place], encoder: Encoder
    ) -> set[Place]:
        """Those of ours that are nearly the same as one of theirs; exact duplicates among them."""
        if not ours or not theirs:
            return set()
        return {
            place
            for features, threshold in self._features(rows, encoder)
            for place in _like(rows, ours, theirs, features, threshold)
        }

    def _features(self, rows: Sequence[Row], encoder: Encoder) -> list[tuple[dict[str, Features], float]]:
        """What is compared, by digest, and how like it must be."""
        if encoder.version != self._space:
            self._texts, self._space = {}, encoder.version
        texts = {row.content_sha256: row.text for row in rows if row.modality is Modality.TEXT and row.text}
        pictures = {row.content_sha256: row.media for row in rows if row.modality is Modality.IMAGE and row.media}
        readable = Modality.TEXT in encoder.modalities - encoder.untrained
        self._texts = _kept(self._texts, texts, lambda new: _read(new, encoder)) if readable else {}
        self._pictures = _kept(self._pictures, pictures, self._seen)
        return [(self._texts, self._config.text_similarity), (self._pictures, self._config.picture_similarity)]

    def _seen(self, refs: Sequence[MediaRef]) -> list[Features]:
        found: list[Features] = []
        with ThreadPoolExecutor(READERS if self._media.remote else 1) as readers:
            for start in range(0, len(refs), PICTURES_AT_ONCE):
                found += readers.map(self._thumbnail, refs[start : start + PICTURES_AT_ONCE])
        if unseen := sum(not feature.any() for feature in found):
            logger.warning("pictures_without_likeness", pictures=unseen, of=len(found))
        return found

    def _thumbnail(self, ref: MediaRef) -> Features:
        try:
            return thumbnail(self._media.get(ref), self._config.max_image_pixels)
        except BadRecord:  # gone or unreadable: nobody can learn from it either
            return np.zeros(THUMBNAIL_PX * THUMBNAIL_PX * 3, dtype=np.float32)


class Nearest(NamedTuple):
    """Of each row the nearest anchor."""

    anchor: NDArray[np.int64]
    similarity: Features


def thumbnail(content: bytes, max_pixels: int) -> Features:
    """A picture as few numbers whose product with another's is their correlation. Raises BadRecord."""
    levels = pixels(content, THUMBNAIL_PX, max_pixels).astype(np.float32).ravel()
    levels -= levels.mean()
    return np.asarray(levels / max(float(np.linalg.norm(levels)), 1e-6), dtype=np.float32)


def earlier(features: Features, block: int = BLOCK) -> Nearest:
    """Of each row the nearest of those before it; the first one has none."""
    return nearest(features, features, block, before=True)


def nearest(features: Features, anchors: Features, block: int = BLOCK, before: bool = False) -> Nearest:
    """Of equally near anchors the first; `before` leaves out those that do not come before a row."""
    best = Nearest(np.zeros(len(features), dtype=np.int64), np.full(len(features), -1, dtype=np.float32))
    for start in range(0, len(features), block):
        ours = slice(start, start + block)
        for first in range(0, len(anchors), block):
            products = features[ours] @ anchors[first : first + block].T
            if before:
                rows, columns = np.arange(start, start + len(products)), np.arange(first, first + products.shape[1])
                products[rows[:, None] <= columns] = -1
            where = products.argmax(axis=1)
            found = products[np.arange(len(where)), where]
            better = found > best.similarity[ours]
            best.anchor[ours][better] = first + where[better]
            best.similarity[ours][better] = found[better]
    return best


def _pairs(
    rows: Sequence[Row], evaluation: frozenset[Place], features: Mapping[str, Features], threshold: float
) -> Iterator[Pair]:
    comparable = [place for place, row in enumerate(rows) if row.content_sha256 in features]
    anchors = [place for place in comparable if place in evaluation]
    others = [place for place in comparable if place not in evaluation]
    if not anchors:
        return
    of = {place: features[rows[place].content_sha256] for place in comparable}
    measured = np.stack([of[place] for place in anchors])
    twins = earlier(measured)
    for at in np.flatnonzero(twins.similarity >= threshold - ROUNDING):
        yield anchors[at], anchors[twins.anchor[at]]
    if others:
        best = nearest(np.stack([of[place] for place in others]), measured)
        for at in np.flatnonzero(best.similarity >= threshold - ROUNDING):
            yield others[at], anchors[best.anchor[at]]


def _like(
    rows: Sequence[Row],
    ours: Collection[Place],
    theirs: Collection[Place],
    features: Mapping[str, Features],
    threshold: float,
) -> Iterator[Place]:
    us, them = ([at for at in sorted(side) if rows[at].content_sha256 in features] for side in (ours, theirs))
    if us and them:
        mine, others = (np.stack([features[rows[place].content_sha256] for place in side]) for side in (us, them))
        for at in np.flatnonzero(nearest(mine, others).similarity >= threshold - ROUNDING):
            yield us[at]


def _kept(
    known: Mapping[str, Features], wanted: Mapping[str, T], compute: Callable[[list[T]], list[Features]]
) -> dict[str, Features]:
    """Features of all that is wanted, by digest; those that are new are computed, others forgotten."""
    new = sorted(wanted.keys() - known.keys())
    computed = zip(new, compute([wanted[digest] for digest in new]), strict=True)
    return {digest: known[digest] for digest in wanted.keys() & known.keys()} | dict(computed)


def _read(texts: Sequence[str], encoder: Encoder) -> list[Features]:
    portions = (texts[start : start + TEXTS_AT_ONCE] for start in range(0, len(texts), TEXTS_AT_ONCE))
    return [vector for portion in portions for vector in encoder.encode_texts(portion)]
