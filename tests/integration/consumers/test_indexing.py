"""From embedding to searching on the real engine, with a log that repeats itself and is late."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from consumers.indexing.stage import indexing_stage
from models.encoders.config import EncoderConfig
from models.encoders.hashing import HashingEncoder
from models.serving.request import SearchRequest
from models.serving.search import SearchService
from models.vector_index.edge import EdgeVectorIndex
from schemas.event import Event
from schemas.items import EmbeddedPart, ItemEmbedded, ItemWithdrawn, Modality
from streams.errors import Refusal
from streams.record import Origin
from streams.stage import Incoming

ENCODER = HashingEncoder(EncoderConfig())
ITEMS, VERSIONS = 40, 4


@pytest.fixture
def index(tmp_path: Path) -> Iterator[EdgeVectorIndex]:
    with closing(EdgeVectorIndex.open(tmp_path / "index")) as index:
        yield index


def history(item: int) -> list[Event]:
    """What happens to an item: it grows, shrinks, and in two cases of five is withdrawn at the end."""
    facts: list[Event] = [
        embedded(
            f"item-{item}", version * ITEMS + item, [f"i{item}v{version}p{part}" for part in range(3 - version % 3)]
        )
        for version in range(VERSIONS)
    ]
    last = VERSIONS * ITEMS + item
    return [*facts, ItemWithdrawn(item_id=f"item-{item}", version=last)] if item % 5 < 2 else facts


def embedded(item_id: str, version: int, texts: list[str]) -> ItemEmbedded:
    parts = [
        EmbeddedPart(part=part, modality=Modality.TEXT, vector=vector.astype("<f4").tobytes(), text=texts[part])
        for part, vector in enumerate(ENCODER.encode_texts(texts))
    ]
    return ItemEmbedded(
        item_id=item_id,
        version=version,
        modality=Modality.TEXT,
        model_version=ENCODER.version,
        dim=ENCODER.dim,
        parts=tuple(parts),
        published_at=datetime(2026, 11, 22, tzinfo=UTC),
    )


def test_a_shuffled_and_repeated_log_ends_with_what_its_last_versions_say(index: EdgeVectorIndex) -> None:
    random, stage, service = Random(7), indexing_stage(index), SearchService(ENCODER, index)
    facts = [fact for item in range(ITEMS) for fact in history(item)]
    log = random.sample(facts, len(facts)) + random.choices(facts, k=len(facts))
    told = set()
    for start in range(0, len(log), 17):
        batch = [Incoming(fact, Origin("items.embedded", 0, 0)) for fact in log[start : start + 17]]
        for outcome in stage.outcomes(batch):
            assert not isinstance(outcome, Refusal)
            told |= {event.event_id for event in outcome}
    last = {item: history(item)[-1] for item in range(ITEMS)}
    alive = {item for item, fact in last.items() if isinstance(fact, ItemEmbedded)}
    for item in range(ITEMS):
        words = " ".join(f"i{item}v{version}p{part}" for version in range(VERSIONS) for part in range(3))
        request = SearchRequest.model_validate({"query": {"text": words}, "hybrid": {"vector_weight": 0}})
        results = service.search(request).answer.results
        expected = [(f"item-{item}", last[item].version)] if item in alive else []  # type: ignore[attr-defined]
        assert [(result.id, result.version) for result in results] == expected
    assert index.count() == len(alive)
    assert len(told) >= ITEMS
