"""Facts as the topics bring them to triggers, and records that carry them."""

from datetime import UTC, datetime
from uuid import UUID, uuid5

import numpy as np

from schemas.annotations import Arm, LabelSettled, LabelUnsettled
from schemas.event import Event
from schemas.items import EmbeddedPart, ItemCurated, ItemEmbedded, ItemWithdrawn, Modality
from schemas.signals import ClickRateMeasured
from streams.codec import encode
from streams.record import Record
from streams.topics import Topic
from trainers.triggers.stage import Triggers

PREFIX = "millrace"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
NOON_MS = int(NOON.timestamp() * 1000)


def id_of(name: str) -> UUID:
    return uuid5(UUID(int=0), name)


def settled(item_id: str, revision: int = 1) -> LabelSettled:
    return LabelSettled(
        event_id=id_of(f"settled/{item_id}/{revision}"), item_id=item_id, version=1, task="topic", revision=revision,
        arm=Arm.ACTIVE, labels=("cat",), trust=1.0, annotators=1,
    )  # fmt: skip


def unsettled(item_id: str, revision: int = 2, reason: str = "withdrawn") -> LabelUnsettled:
    return LabelUnsettled(
        item_id=item_id, version=1, task="topic", revision=revision, arm=Arm.ACTIVE, reason=reason
    )  # fmt: skip


def curated(number: int, source: str = "web") -> ItemCurated:
    return ItemCurated(
        event_id=id_of(f"curated/{number}"), item_id=f"{number}", version=1, modality=Modality.TEXT, text="some words",
        content_sha256="0" * 64, published_at=NOON, source=source,
    )  # fmt: skip


def embedded(number: int, model_version: str = "model-1", moved: float = 0.0) -> ItemEmbedded:
    vector = np.random.default_rng(number).normal(size=8).astype("<f4")
    vector[0] += moved
    part = EmbeddedPart(part=0, modality=Modality.TEXT, vector=vector.tobytes(), text="some words")
    return ItemEmbedded(
        event_id=id_of(f"embedded/{number}/{model_version}"), item_id=f"{number}", version=1, modality=Modality.TEXT,
        model_version=model_version, dim=8, parts=(part,), published_at=NOON, source="web",
    )  # fmt: skip


def withdrawn(item_id: str, mode: str) -> ItemWithdrawn:
    return ItemWithdrawn(item_id=item_id, version=1, mode=mode)


def clicked(
    searches: int, clicks: int, window: int, model_version: str = "model-1", revision: int = 1
) -> ClickRateMeasured:
    return ClickRateMeasured(
        model_version=model_version, policy="hybrid-rrf", searches=searches, clicked=clicks, revision=revision,
        window_start=datetime.fromtimestamp(NOON.timestamp() + 60 * window, UTC), window_s=60,
    )  # fmt: skip


def topic_of(fact: Event) -> Topic:
    return next(topic for topic in Triggers.sources if type(fact) in topic.events)


def record(fact: Event, offset: int, at_s: float, topic: Topic | None = None) -> Record:
    """The fact in partition 0 of a topic, or of the first one that has such facts, some seconds after noon."""
    encoded = encode(fact, "tests")
    name = (topic or topic_of(fact)).full_name(PREFIX)
    return Record(name, 0, offset, encoded.key, encoded.value, encoded.headers, NOON_MS + int(at_s * 1000))
