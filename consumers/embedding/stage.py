"""items.curated -> items.embedded

While a new model is on its way, an item is embedded in its space as well as in the live one: one ItemEmbedded each.
"""

from collections.abc import Callable, Sequence

from consumers.embedding.config import EmbeddingConfig
from consumers.embedding.embedder import Embedder
from models.encoders.port import Encoder
from streams.media.store import MediaStore
from streams.stage import BatchLimits, BatchStage, Incoming, Outcome
from streams.topics import CURATED, EMBEDDED

Spaces = Callable[[], Sequence[Encoder]]
"""Encoders of all spaces that new items are written to, the live one first. May raise Unavailable."""


def embedding_stage(
    spaces: Spaces, media: MediaStore, config: EmbeddingConfig, embedder: Embedder | None = None
) -> BatchStage:
    """Vectors in every space for every item that its encoder can read; withdrawals are handed on.

    An `embedder` that the backfill uses as well spares it texts that were embedded here.
    """
    shared = embedder or Embedder(media, config)

    def handle(batch: Sequence[Incoming]) -> list[Outcome]:
        return shared.outcomes([incoming.fact for incoming in batch], spaces())

    limits = BatchLimits(config.max_records, config.max_bytes, config.max_age_s)
    return BatchStage("embedding", sources=(CURATED,), answers=(EMBEDDED,), handle=handle, limits=limits)
