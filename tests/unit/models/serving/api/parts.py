"""An API on parts in memory, and short words for talking to it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np
from fastapi import FastAPI
from sqlalchemy import Engine
from starlette.testclient import TestClient

from models.encoders.config import EncoderConfig
from models.encoders.hashing import HashingEncoder
from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from models.metadata.idempotency import IdempotencyKeys
from models.metadata.tables import metadata
from models.registry.records import Rollout, RolloutState
from models.registry.registry import Registry
from models.serving.api.app import create_app
from models.serving.api.config import ApiConfig
from models.serving.api.services import Learning, Services
from models.serving.search import SearchService
from models.vector_index.port import Applied, Candidate, Content, Entry, Head, IndexQuery, Part
from schemas.event import Event
from schemas.items import Modality
from streams.codec import decode
from streams.errors import BadRecord, Misconfigured, Unavailable
from streams.media.store import MediaStore
from streams.memory import MemoryBroker, MemoryProducer
from streams.topics import FEEDBACK, RAW, SEARCHES, TRAINING_REQUESTED, Topic

TRACE = f"00-{'a' * 32}-{'b' * 16}-01"


@dataclass
class DictIndex:
    """A test double: the newest version of each item, searched one by one."""

    entries: dict[tuple[str, str], Entry] = field(default_factory=dict)
    down: str | None = None

    def ensure_space(self, model_version: str, dim: int) -> int:
        return dim

    def apply(self, entries: Any) -> list[Applied]:
        self.entries.update({(entry.tenant, entry.item_id): entry for entry in entries})
        return [Applied.WRITTEN for _ in entries]

    def head(self, tenant: str, item_id: str) -> Head | None:
        self._check()
        entry = self.entries.get((tenant, item_id))
        if entry is None:
            return None
        content = entry.content
        return Head(entry.version, len(content.parts) if content else 0, content.model_version if content else None)

    def search(self, query: IndexQuery) -> list[Candidate]:
        self._check()
        found = [_candidate(one, query) for one in self.entries.values() if one.tenant == query.tenant and one.content]
        return sorted(found, key=lambda one: -one.score)[: query.limit]

    def count(self, tenant: str | None = None) -> int:
        return len(self.entries)

    def ready(self) -> str | None:
        return self.down

    def flush(self) -> None: ...

    def close(self) -> None: ...

    def _check(self) -> None:
        if self.down:
            raise Unavailable(self.down)


@dataclass
class Releases:
    """A test double of those who check recipes and release: they do as they are told."""

    registry: Registry

    def learning(self) -> Learning:
        return Learning(self.registry, self._check, self._promote, self._rollback, self._waits)

    def _waits(self) -> dict[str, str]:
        return {job.job_id: "a trainer" for job in self.registry.jobs.open()}

    def _check(self, recipe: str, overrides: Mapping[str, Any]) -> None:
        if recipe != "default" or set(overrides) - {"steps"}:
            raise Misconfigured(f"there is no recipe {recipe!r} with {', '.join(overrides)}")

    def _promote(self, version: str, force: bool, share: float | None, by: str, asked: UUID) -> Rollout:
        rollout = under_way(version, share=share or 0.0, forced=force, requested_by=by, rollout_id=str(asked))
        if not self.registry.rollouts.begin(rollout):
            raise BadRecord("rollout_under_way", "another model is on its way")
        return rollout

    def _rollback(self, reason: str, by: str, asked: UUID) -> Rollout:
        rollout = self.registry.rollouts.current()
        if rollout is None:
            raise BadRecord("nothing_to_go_back_to")
        return replace(rollout, state=RolloutState.ROLLED_BACK, reason=reason, requested_by=by)


def under_way(model: str, **changes: Any) -> Rollout:
    """A rollout of a model that replaces the encoder of the settings."""
    old = HashingEncoder(EncoderConfig()).version
    begun = Rollout(str(uuid4()), model, model, old, old, RolloutState.PREPARING, 0.1, False, "tests", TRACE, 1, 1)
    return replace(begun, **changes)


def _candidate(entry: Entry, query: IndexQuery) -> Candidate:
    assert entry.content is not None
    part, content = entry.content.parts[0], entry.content
    score = 0.0 if query.vector is None else float(np.frombuffer(part.vector, dtype="<f4") @ query.vector)
    return Candidate(
        item_id=entry.item_id,
        version=entry.version,
        part=0,
        score=score,
        modality=content.modality,
        source=content.source,
        language=content.language,
        tags=content.tags,
        nsfw_flag=content.nsfw_flag,
        uri=content.uri,
        text=part.text,
    )


@dataclass
class House:
    """The parts behind an app, for looking at and for breaking."""

    broker: MemoryBroker
    index: DictIndex
    encoder: HashingEncoder
    services: Services
    app: FastAPI
    registry: Registry

    def facts(self, topic: Topic = RAW) -> list[Event]:
        """What the log has."""
        records = self.broker.records(topic.full_name("millrace"))
        return [decode(record, topic.events) for record in records]

    def hold(self, tenant: str, item_id: str, text: str, version: int = 1) -> None:
        """Puts a text into the index, as the loop would."""
        [vector] = self.encoder.encode_texts([text])
        part = Part(Modality.TEXT, vector.astype("<f4").tobytes(), text)
        content = Content(Modality.TEXT, self.encoder.version, (part,), source="tests")
        self.index.apply([Entry(tenant, item_id, version, content)])

    def forget(self, tenant: str, item_id: str, version: int) -> None:
        """Withdraws an item from the index, as the loop would."""
        self.index.apply([Entry(tenant, item_id, version, None)])


def database(folder: Path, **options: Any) -> Engine:
    """A metadata database with its tables."""
    engine = open_engine(MetadataConfig(url=f"sqlite:///{folder / 'keys.sqlite'}", **options))
    metadata.create_all(engine)
    return engine


def house(folder: Path, config: ApiConfig | None = None, **others: Any) -> House:
    """A fresh API on parts in memory; `folder` takes the media and the keys."""
    broker = MemoryBroker({topic.full_name("millrace"): 2 for topic in (RAW, SEARCHES, FEEDBACK, TRAINING_REQUESTED)})
    encoder = others.pop("encoder", None) or HashingEncoder(EncoderConfig())
    index, engine = others.get("index") or DictIndex(), database(folder)
    registry = Registry(engine)
    registry.create_tables()
    parts: dict[str, Any] = {
        "search": SearchService(encoder, index),
        "index": index,
        "media": MediaStore.open(folder / "media"),
        "producer": MemoryProducer(broker),
        "keys": IdempotencyKeys(engine),
        "learning": Releases(registry).learning(),
    }
    services = Services(**(parts | others))
    return House(broker, index, encoder, services, create_app(services, config), registry)


@contextmanager
def talking(house: House, **options: Any) -> Iterator[TestClient]:
    """A client while the app runs; facts about searches are flushed when it ends."""
    with TestClient(house.app, base_url="http://127.0.0.1", **options) as client:
        yield client


def problem(response: Any) -> dict[str, Any]:
    """The problem details of an answer, after checking that they are such."""
    assert response.headers["content-type"] == "application/problem+json"
    details: dict[str, Any] = response.json()
    assert details["status"] == response.status_code
    assert {"type", "title", "detail", "instance"} <= details.keys()
    assert details["instance"] == f"urn:millrace:request:{response.headers['x-request-id']}"
    return details


def name_of(response: Any) -> str:
    """The last part of a problem's type."""
    return str(problem(response)["type"]).rpartition(":")[2]


def json_part(**description: Any) -> Mapping[str, str]:
    """The part `item` of an upload."""
    return {"item": json.dumps(description)}
