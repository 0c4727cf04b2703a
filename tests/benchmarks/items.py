"""Facts to measure with: the same ones at every run."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

from schemas.items import EmbeddedPart, ItemEmbedded, ItemPublished, Modality

WORDS = [
    f"{start}{end}" for start in ("mill", "water", "grain", "stone", "river") for end in ("wheel", "side", "s", "er")
]
DIM = 384
MODEL = "bench-384"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def envelope(rng: random.Random) -> dict[str, object]:
    """Ids and times as real ones look, but the same at every run."""
    return {
        "event_id": UUID(int=rng.getrandbits(128), version=4),
        "occurred_at": NOON.replace(microsecond=rng.randrange(10**6)),
        "traceparent": f"00-{rng.getrandbits(128):032x}-{rng.getrandbits(64):016x}-01",
    }


def published(count: int, words: int = 50, seed: int = 0) -> Iterator[ItemPublished]:
    """Short texts; with 50 words a record is about 500 bytes of value and 350 of headers."""
    rng = random.Random(seed)
    for number in range(count):
        yield ItemPublished(
            **envelope(rng),
            item_id=f"item-{number:06}",
            modality=Modality.TEXT,
            text=f"{' '.join(rng.choices(WORDS, k=words))} {number}",
            source="bench",
            language="en",
            tags=("a", "b"),
            licence="CC0-1.0",
            attributes={"row": str(number)},
        )


def embedded(count: int, seed: int = 0) -> Iterator[ItemEmbedded]:
    """Items of one part of 40 words, with a random direction."""
    import numpy as np

    rng, numbers = random.Random(seed), np.random.default_rng(seed)
    for number in range(count):
        vector = numbers.normal(size=DIM).astype("<f4")
        part = EmbeddedPart(
            part=0,
            modality=Modality.TEXT,
            vector=(vector / np.linalg.norm(vector)).tobytes(),
            text=" ".join(rng.choices(WORDS, k=40)),
        )
        yield ItemEmbedded(
            **envelope(rng),
            item_id=f"item-{number:06}",
            version=number,
            modality=Modality.TEXT,
            model_version=MODEL,
            dim=DIM,
            parts=(part,),
            source="bench",
            language="en",
            tags=("a", "b"),
            published_at=NOON,
        )
