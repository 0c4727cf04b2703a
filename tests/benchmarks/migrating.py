"""A model switch: all that it costs to give every item a place in a new model's space, against doing just that.

Ours: the backfill reads the log and embeds the older items anew, embedding writes new items in both spaces, and
indexing writes all of it, over a real broker. The bare side encodes the same words and pictures in batches of the same
size, and upserts the very same points, made beforehand. Texts are captions, half of them with a picture. The candidate
has a text tower of its own; the notes say what is left to do where it shares the live one's and embedding still
remembers its vectors.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from random import Random
from statistics import median
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import qdrant_edge as engine
import torch

from consumers.embedding.backfill import Backfill, BackfillLog
from consumers.embedding.config import EmbeddingConfig
from consumers.embedding.embedder import Embedder
from consumers.embedding.spaces import WrittenSpaces
from consumers.embedding.stage import embedding_stage
from consumers.indexing.entries import entry_of
from consumers.indexing.stage import indexing_stage
from models.encoders.config import EncoderConfig
from models.encoders.image_tower import ImageTower
from models.encoders.mini import MillraceMini
from models.encoders.released import save_released
from models.encoders.text.adapter import Adapter, LowRank, layer_name
from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from models.registry.artifacts import ArtifactStore
from models.registry.records import Model, ModelKind, Rollout, RolloutState
from models.registry.registry import Registry
from models.registry.shelf import Shelf
from models.registry.standing import Watch
from models.vector_index import parity
from models.vector_index.config import VectorIndexConfig
from models.vector_index.edge import EdgeVectorIndex
from models.vector_index.edge.points import points_of
from models.vector_index.plan import decide, guarded
from models.vector_index.spaces import VectorSpaces
from schemas.event import new_traceparent
from schemas.items import ItemCurated, ItemEmbedded, Modality
from streams.codec import decode
from streams.kafka.letter_box import read_topic
from streams.kafka.producer import KafkaProducer
from streams.kafka.scan import KafkaScan
from streams.media.store import MediaStore
from streams.runner import Runner
from streams.stage import BatchStage
from streams.topics import CURATED, EMBEDDED, INDEXED
from tests.benchmarks.ground import Ground, Log, cpu_s
from tests.benchmarks.harness import AtMost, Measured, compare
from tests.benchmarks.items import DIM, NOON, WORDS
from tests.benchmarks.report import Row
from tests.contract.pictures import encoded, noise

OLD, NEW = 192, 48
"""Items that were there before, and items that come while the new space fills."""
BATCH = 64
"""Embedding's limit; the bare encoder's as well."""
CONFIG = EmbeddingConfig(max_records=BATCH)


@dataclass(frozen=True, slots=True)
class House:
    """What all runs share."""

    registry: Registry
    shelf: Shelf
    media: MediaStore
    live: MillraceMini
    own: MillraceMini
    """A candidate with a text tower of its own."""
    sharing: MillraceMini
    """One that has the live one's."""
    items: tuple[ItemCurated, ...]
    pictures: dict[str, bytes]
    """By item."""
    old: int


def migrating(ground: Ground) -> list[Row]:
    house = _house(ground, *((32, 8) if ground.quick else (OLD, NEW)))
    shares: list[dict[str, float]] = []
    first = _Switch(ground, house, house.own)

    def ours() -> Measured:
        switch = _Switch(ground, house, house.own)
        shares.append(switch.seconds)
        return _measured(switch.seconds, house, switch.proof)

    bare = _Bare(ground, house, first.facts)
    compared = compare(ours, bare.run, AtMost(1.15), ground.pairs)
    remembered = median(_measured(_Switch(ground, house, house.sharing, True).seconds, house, None).cost for _ in "abc")
    whole = sum(sum(one.values()) for one in shares)
    notes = {
        "shares": {step: sum(one[step] for one in shares) / whole for step in first.seconds},
        "shared text tower, vectors remembered: ratio": remembered / compared.peer,
    }
    return [Row("model switch", "bare re-encode and index build", "ms of CPU an item", compared, notes)]


def _measured(seconds: Mapping[str, float], house: House, proof: Hashable) -> Measured:
    return Measured(sum(seconds.values()) / len(house.items) * 1000, proof)


class _Switch:
    """One switch, on topics and an index of its own; `seconds` of CPU by step."""

    def __init__(self, ground: Ground, house: House, candidate: MillraceMini, remembered: bool = False) -> None:
        log = Log(ground)
        _, embedded, _ = (log.create(topic) for topic in (CURATED, EMBEDDED, INDEXED))
        old, new = house.items[: house.old], house.items[house.old :]
        log.fill(CURATED, old, "bench")
        _ended_after(log.runner(BatchStage("embedding", (CURATED,), (), lambda batch: [()] * len(batch))), len(old))
        spaces = VectorSpaces.in_folder(ground.folder / uuid4().hex, VectorIndexConfig(), lambda: house.live.version)
        watch, embedder = Watch(house.registry, house.live.version), Embedder(house.media, CONFIG)
        if remembered:
            embedder.outcomes(old, (house.live,))
        for encoder in (house.live, candidate):
            spaces.ensure_space(encoder.version, encoder.dim)
        stage = embedding_stage(WrittenSpaces(watch, house.shelf), house.media, CONFIG, embedder)
        embedding, indexing = _joined(log.runner(stage)), _joined(log.runner(indexing_stage(spaces)))
        rollout = _begun(house, candidate)
        backfill_log = BackfillLog(KafkaScan(log.config), KafkaProducer(log.config), log.config.prefix)
        backfill = Backfill(house.registry, watch, house.shelf, embedder, backfill_log, CONFIG, "bench")
        self.seconds = {"backfill": _cpu_of(lambda: _filled(backfill))}
        log.fill(CURATED, new, "bench")
        self.seconds["dual writing"] = _cpu_of(lambda: _drained(embedding, len(new)))
        self.seconds["indexing"] = _cpu_of(lambda: _drained(indexing, log.written(embedded)))
        for runner in (embedding, indexing):
            _ended_after(runner, 0)
        self.facts = _facts(log, embedded)
        found = parity.compare(spaces, house.live.version, candidate.version, sample=0)
        self.proof = (found.live, found.candidate)
        spaces.close()
        _ended(house, rollout)


class _Bare:
    """The same vectors and the same points, and nothing else."""

    def __init__(self, ground: Ground, house: House, facts: Sequence[ItemEmbedded]) -> None:
        self._ground, self._house = ground, house
        self._operations = {
            one.version: _operations([fact for fact in facts if fact.model_version == one.version])
            for one in (house.live, house.own)
        }

    def run(self) -> Measured:
        house = self._house
        shards = {version: EdgeVectorIndex.open(self._ground.folder / uuid4().hex) for version in self._operations}
        for version, index in shards.items():
            index.ensure_space(version, DIM)
        started = cpu_s()
        self._encode(house.own, house.items)
        self._encode(house.live, house.items[house.old :])
        for version, operations in self._operations.items():
            for points in operations:
                made = [engine.Point(*point) for point in points]
                shards[version]._shard.update(engine.UpdateOperation.upsert_points(made))
        seconds = {"all": cpu_s() - started}
        proof = tuple(shards[one.version].count() for one in (house.live, house.own))
        for index in shards.values():
            index.close()
        return _measured(seconds, house, proof)

    def _encode(self, encoder: MillraceMini, items: Sequence[ItemCurated]) -> None:
        for at in range(0, len(items), BATCH):
            some = items[at : at + BATCH]
            encoder.encode_texts([str(item.text) for item in some])
            encoder.encode_images([self._house.pictures[one.item_id] for one in some if one.media])


def _operations(facts: Sequence[ItemEmbedded]) -> list[list[tuple[Any, Any, Any]]]:
    """Points in the cuts that our index makes."""
    _, writes = decide([entry_of(fact) for fact in facts], {})
    cut = guarded(writes, VectorIndexConfig().operation_points)
    points = ([point for write in operation for point in points_of(write)] for _, operation in cut)
    return [[(point.id, point.vector, point.payload) for point in some] for some in points]


def _cpu_of(work: Callable[[], object]) -> float:
    started = cpu_s()
    work()
    return cpu_s() - started


def _filled(backfill: Backfill) -> None:
    while backfill.look():
        pass


def _joined(runner: Runner) -> Runner:
    """Both stages run all the time: their start is no part of a switch."""
    while not runner.health.report.assigned:
        runner.run_once()
    return runner


def _drained(runner: Runner, count: int) -> None:
    done = 0
    while done < count:
        done += runner.run_once()


def _ended_after(runner: Runner, count: int) -> None:
    """Settles so many records and lets go of its partitions."""
    _drained(runner, count)
    runner.stop()
    runner.run()


def _facts(log: Log, topic: str) -> list[ItemEmbedded]:
    facts = (decode(record, EMBEDDED.events) for record in read_topic(log.config, topic))
    return [fact for fact in facts if isinstance(fact, ItemEmbedded)]


def _house(ground: Ground, old: int, new: int) -> House:
    registry = Registry(open_engine(MetadataConfig().resolved(ground.folder)))
    registry.create_tables()
    store, media = ArtifactStore.open(ground.folder / "artifacts"), MediaStore.open(ground.folder / "media")
    shelf = Shelf(EncoderConfig(), registry.models, store, ground.folder / "models")
    live = shelf.configured
    assert isinstance(live, MillraceMini)
    seen = ImageTower.seeded(live.dim, EncoderConfig(image_seed=7))
    candidates = (MillraceMini(live.texts.adapted(_adapter(live.dim)), seen), MillraceMini(live.texts, seen))
    own, sharing = (_registered(registry, store, shelf, one, ground.folder / one.version) for one in candidates)
    pictures = {f"item-{number:06}": encoded(noise(number, 64)) for number in range(0, old + new, 2)}
    items = tuple(_items(media, pictures, old + new))
    return House(registry, shelf, media, live, own, sharing, items, pictures, old)


def _adapter(dim: int) -> Adapter:
    """Small changes of one layer: another tower, at the same cost."""
    numbers = np.random.default_rng(0)
    a, b = (torch.from_numpy(numbers.normal(size=size).astype(np.float32)) for size in ((4, dim), (dim, 4)))
    return Adapter({layer_name(0, "query"): LowRank(a, b)}, 0.01)


def _registered(
    registry: Registry, store: ArtifactStore, shelf: Shelf, encoder: MillraceMini, folder: Path
) -> MillraceMini:
    artifacts = tuple(store.put_file(path) for path in save_released(encoder, folder))
    registry.models.register(Model(encoder.version, ModelKind.ENCODER, encoder.version, artifacts=artifacts))
    loaded = shelf.get(encoder.version)
    assert isinstance(loaded, MillraceMini)
    return loaded


def _items(media: MediaStore, pictures: Mapping[str, bytes], count: int) -> Iterator[ItemCurated]:
    """Captions of some 20 words, half of them with a picture."""
    rng = Random(0)
    for number in range(count):
        name = f"item-{number:06}"
        ref = media.put(pictures[name], "image/png") if name in pictures else None
        yield ItemCurated(
            event_id=UUID(int=rng.getrandbits(128)),
            item_id=name,
            version=number,
            modality=Modality.IMAGE if ref else Modality.TEXT,
            text=" ".join([*rng.choices(WORDS, k=20), str(number)]),
            media=ref,
            content_sha256=sha256(name.encode()).hexdigest(),
            published_at=NOON,
        )


def _begun(house: House, candidate: MillraceMini) -> Rollout:
    """A rollout whose older items wait."""
    rollout = Rollout(
        rollout_id=str(uuid4()),
        model_version=candidate.version,
        encoder_version=candidate.version,
        previous_version=house.live.version,
        previous_encoder_version=house.live.version,
        state=RolloutState.BACKFILLING,
        share=0.0,
        forced=False,
        requested_by="bench",
        traceparent=new_traceparent(),
        began_at_ms=0,
        changed_at_ms=0,
    )
    assert house.registry.rollouts.begin(rollout)
    return rollout


def _ended(house: House, rollout: Rollout) -> None:
    current = house.registry.rollouts.get(rollout.rollout_id)
    assert current is not None
    house.registry.rollouts.change(replace(current, state=RolloutState.ABORTED))
