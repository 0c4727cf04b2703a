"""A migration on a real broker: items change meanwhile, and the embedding process is killed again and again."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from random import Random
from uuid import uuid4

import pytest

from consumers.embedding.backfill import backfill_marks
from consumers.indexing.stage import indexing_stage
from models.registry.records import RolloutState
from models.registry.registry import Registry
from models.vector_index.config import VectorIndexConfig
from models.vector_index.parity import compare
from models.vector_index.parity.walks import counted
from models.vector_index.spaces import VectorSpaces
from schemas.event import Event
from schemas.items import ItemCurated, ItemWithdrawn, Modality
from streams.codec import encode
from streams.kafka.config import KafkaConfig
from streams.kafka.consumer import KafkaConsumer
from streams.kafka.producer import KafkaProducer
from streams.kafka.topic_admin import TopicAdmin
from streams.runner import Runner
from streams.topic_plan import manifest, plan
from streams.topics import CURATED, EMBEDDED, INDEXED, group_of
from tests.integration.consumers.embedding.worker import kafka_of
from tests.unit.consumers.embedding.builders import PUBLISHED_AT
from tests.unit.consumers.embedding.registered import LIVE, began, hashing_model, moved_on, registry_in

CANDIDATE = f"{LIVE}-salt1"
ITEMS = 500
KILLS = 4
PATIENCE_S = 240.0


class World:
    """Topics, a registry, and what was said of which item."""

    def __init__(self, kafka: KafkaConfig, folder: Path) -> None:
        self.kafka, self.folder = kafka, folder
        self.registry: Registry = registry_in(folder)
        self.registry.models.register(hashing_model(CANDIDATE, 1))
        self.admin = TopicAdmin(kafka)
        names = [topic.full_name(kafka.prefix) for topic in (CURATED, EMBEDDED, INDEXED)]
        for step in plan(manifest(kafka.prefix, ("embedding", "indexing")), {}):
            if step.topic in names:
                self.admin.apply(step)
        self._producer = KafkaProducer(kafka)
        self._version = 0
        self.truth: dict[str, int | None] = {}

    def say(self, items: list[int], withdrawn: bool = False) -> None:
        """New versions of items, or their withdrawals."""
        for item in items:
            self._version += 1
            self.truth[f"item-{item}"] = None if withdrawn else self._version
            fact = _withdrawn(item, self._version) if withdrawn else _curated(item, self._version)
            self._producer.send(CURATED.full_name(self.kafka.prefix), encode(fact, "test"))
        self._producer.flush(30.0)

    def started(self) -> "subprocess.Popen[str]":
        """An embedding process that has begun."""
        arguments = [str(self.folder), str(self.kafka.bootstrap_servers), self.kafka.prefix]
        worker = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.consumers.embedding.worker", *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert worker.stdout is not None
        assert worker.stdout.readline() == "begun\n"
        return worker

    @property
    def complete(self) -> bool:
        rollout = self.registry.rollouts.current()
        return rollout is not None and backfill_marks(rollout).complete

    def lag(self) -> int:
        return self.admin.lag(group_of(self.kafka.prefix, "embedding"), [CURATED.full_name(self.kafka.prefix)])


@pytest.fixture
def world(kafka: str, tmp_path: Path) -> Iterator[World]:
    world = World(kafka_of(kafka, f"p{uuid4().hex[:8]}"), tmp_path)
    yield world
    world.registry.engine.dispose()


def test_a_backfill_that_is_killed_again_and_again_ends_with_two_equal_spaces(world: World) -> None:
    random = Random(5)
    world.say(list(range(ITEMS)))
    world.say(random.sample(range(ITEMS), 100))
    world.say(random.sample(range(ITEMS), 60), withdrawn=True)
    began(world.registry, CANDIDATE)
    kills = reached = 0
    worker = world.started()
    moved_on(world.registry, RolloutState.BACKFILLING)
    deadline = time.monotonic() + PATIENCE_S
    while not (world.complete and world.lag() == 0 and kills >= KILLS):
        assert time.monotonic() < deadline, "the migration does not end"
        time.sleep(random.uniform(0.3, 1.2))
        rollout = world.registry.rollouts.current()
        assert rollout is not None
        assert backfill_marks(rollout).done >= reached, "what was marked is done"
        reached = backfill_marks(rollout).done
        if kills < KILLS:
            world.say(random.sample(range(ITEMS + 50), 10))
            world.say(random.sample(range(ITEMS), 5), withdrawn=True)
            worker.kill()
            _ended(worker)
            worker, kills = world.started(), kills + 1
    worker.communicate(timeout=60)
    with closing(VectorSpaces.in_folder(world.folder / "index", VectorIndexConfig(), lambda: LIVE)) as index:
        _index(world, index)
        alive = {item: version for item, version in world.truth.items() if version is not None}
        for space in (LIVE, CANDIDATE):
            assert {one.item_id: one.version for one in counted(index, space)} == alive
        assert compare(index, LIVE, CANDIDATE).equal


def _ended(worker: "subprocess.Popen[str]") -> None:
    worker.wait(30)
    for pipe in (worker.stdin, worker.stdout):
        assert pipe is not None
        pipe.close()


def _index(world: World, index: VectorSpaces) -> None:
    """Everything that was embedded reaches the index."""
    kafka, stage, source = world.kafka, indexing_stage(index), EMBEDDED.full_name(world.kafka.prefix)
    expected = sum(world.admin.ends([source]).values())
    consumer = KafkaConsumer(kafka, group_of(kafka.prefix, stage.name), [source])
    runner = Runner(stage, consumer, KafkaProducer(kafka), kafka.prefix)
    consumer.on_revoked = runner.revoked
    done, deadline = 0, time.monotonic() + PATIENCE_S
    while done < expected:
        assert time.monotonic() < deadline
        done += runner.run_once()
    consumer.close()


def _curated(item: int, version: int) -> ItemCurated:
    return ItemCurated(
        item_id=f"item-{item}",
        version=version,
        modality=Modality.TEXT,
        text=f"item {item} in version {version}",
        content_sha256=sha256(f"{item} {version}".encode()).hexdigest(),
        published_at=PUBLISHED_AT,
    )


def _withdrawn(item: int, version: int) -> Event:
    return ItemWithdrawn(item_id=f"item-{item}", version=version)
