"""Vectors of items and texts, a few pictures in memory at a time, and no text of an unchanged tower twice."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import structlog

from models.encoders.port import Encoder, Vectors
from models.encoders.text.whole import mean_of_windows
from schemas.items import MediaRef, Modality
from streams.errors import BadRecord
from streams.media.store import MediaStore
from trainers.snapshots.rows import Row

logger = structlog.get_logger()

Rest = Callable[[], None]
"""Called between two batches; may raise to give the work up."""
_TEXTS_AT_ONCE = 256
_PROBE = ("a photo of two red shoes on a table", "When is my card delivered? Ich warte schon eine Woche.")


def restless() -> None:
    """Goes on."""


class TextMemory:
    """Vectors of texts by the tower that made them.

    Towers are told apart by what they make of two sentences, bit by bit: candidates mostly share the text tower of the
    live model, and an encoder does not say so.
    """

    def __init__(self) -> None:
        self._known: dict[bytes, dict[str, Vectors]] = {}

    def of(self, encoder: Encoder) -> dict[str, Vectors]:
        """What is known of the encoder's text tower; additions are kept."""
        return self._known.setdefault(encoder.encode_texts(_PROBE).tobytes(), {})


class ItemVectors:
    """What an encoder makes of the items of a snapshot."""

    def __init__(
        self, encoder: Encoder, media: MediaStore, batch_images: int, memory: TextMemory, rest: Rest = restless
    ) -> None:
        self._encoder = encoder
        self._media = media
        self._batch_images = batch_images
        self._texts = memory.of(encoder)
        self._rest = rest
        self._items: dict[tuple[str, str], Vectors] = {}
        self._tried: set[tuple[str, str]] = set()

    def texts(self, texts: Sequence[str]) -> Vectors:
        """One row a text. Raises BadRecord for an encoder that gives no numbers."""
        missing = [text for text in dict.fromkeys(texts) if text not in self._texts]
        for start in range(0, len(missing), _TEXTS_AT_ONCE):
            self._rest()
            some = missing[start : start + _TEXTS_AT_ONCE]
            self._texts.update(zip(some, self._encoder.encode_texts(some), strict=True))
        return self._stacked([self._texts[text] for text in texts])

    def items(self, rows: Sequence[Row]) -> tuple[list[Row], Vectors]:
        """The items that can be encoded, and their vectors. Raises Unavailable with the media store, BadRecord for an
        encoder that gives no numbers.
        """
        missing = [row for row in rows if row.key not in self._tried]
        self._tried.update(row.key for row in missing)
        self._read([row for row in missing if row.modality is Modality.TEXT and row.text])
        self._see([(row, row.media) for row in missing if row.modality is Modality.IMAGE and row.media is not None])
        kept = [row for row in rows if row.key in self._items]
        return kept, self._stacked([self._items[row.key] for row in kept])

    def _read(self, rows: Iterable[Row]) -> None:
        """A long text is the mean of its windows."""
        windows = {row.key: self._encoder.split(row.text or "") for row in rows}
        self.texts([window for some in windows.values() for window in some])
        for key, some in windows.items():
            if some:
                self._items[key] = mean_of_windows(np.stack([self._texts[window] for window in some]))

    def _see(self, pictures: Sequence[tuple[Row, MediaRef]]) -> None:
        for start in range(0, len(pictures), self._batch_images):
            self._rest()
            some = pictures[start : start + self._batch_images]
            contents = [(row, content) for row, ref in some if (content := self._fetched(row, ref)) is not None]
            if contents:
                self._encode(contents)

    def _encode(self, contents: Sequence[tuple[Row, bytes]]) -> None:
        """All at once; one by one where one of them cannot be decoded."""
        try:
            vectors = self._encoder.encode_images([content for _, content in contents])
        except BadRecord as refusal:
            if len(contents) == 1:
                _left_out(contents[0][0], refusal)
                return
            for one in contents:
                self._encode([one])
            return
        self._items.update({row.key: vector for (row, _), vector in zip(contents, vectors, strict=True)})

    def _fetched(self, row: Row, ref: MediaRef) -> bytes | None:
        try:
            return self._media.get(ref)
        except BadRecord as refusal:
            _left_out(row, refusal)
            return None

    def _stacked(self, vectors: Sequence[Vectors]) -> Vectors:
        stacked = np.stack(vectors) if vectors else np.zeros((0, self._encoder.dim), dtype=np.float32)
        if not np.isfinite(stacked).all():  # nothing is nearer than what cannot be compared: it would find everything
            raise BadRecord("no_vectors", f"{self._encoder.version} gives vectors that are no finite numbers")
        return stacked


def _left_out(row: Row, refusal: BadRecord) -> None:
    logger.warning("left out: it cannot be encoded", tenant=row.tenant, item=row.item_id, reason=refusal.reason)
