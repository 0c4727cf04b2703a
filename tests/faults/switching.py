"""A whole installation in one process, on a log in memory and a real index: people search while a model takes over.

Every part but the log is the real one, each in a thread of its own as its process would have it. Items change, come and
go all the while, and every answer is judged against what had been told as indexed before it was asked for.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

from consumers.embedding.backfill import Backfill, BackfillLog
from consumers.embedding.config import EmbeddingConfig
from consumers.embedding.embedder import Embedder
from consumers.embedding.spaces import WrittenSpaces
from consumers.embedding.stage import embedding_stage
from consumers.indexing.stage import indexing_stage
from models.encoders.config import EncoderConfig, EncoderKind
from models.encoders.hashing import HashingEncoder
from models.encoders.port import Encoder, Vectors
from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from models.registry.artifacts import ArtifactStore
from models.registry.records import Model, ModelKind, Rollout, RolloutState
from models.registry.registry import Registry
from models.registry.shelf import SALT, Shelf
from models.registry.standing import Watch
from models.serving.config import SearchConfig
from models.serving.live.encoders import LiveEncoders
from models.serving.live.preloading import preloading
from models.serving.request import SearchRequest
from models.serving.search import SearchService, Served
from models.vector_index.config import VectorIndexConfig
from models.vector_index.spaces.index import VectorSpaces
from schemas.event import Event
from schemas.items import ItemCurated, ItemIndexed, ItemWithdrawn, Modality
from schemas.searches import Hit
from streams.codec import decode, encode
from streams.media.config import MediaConfig
from streams.media.store import MediaStore
from streams.memory import MemoryBroker, MemoryConsumer, MemoryProducer
from streams.record import Record
from streams.runner import Runner, RunnerConfig
from streams.scan import MemoryScan
from streams.stage import AnyStage
from streams.topics import CURATED, EMBEDDED, INDEXED, LOOP, SEARCHES
from trainers.rollout.beginning import Wish, promote
from trainers.rollout.conductor import Conductor
from trainers.rollout.config import RolloutConfig
from trainers.rollout.guardrails.config import GuardrailsConfig
from trainers.rollout.guardrails.stage import guardrails_stage
from trainers.rollout.proof import proof
from trainers.rollout.stage import rollout_stage

PREFIX = "test"
TENANT = "default"
WORDS = ("mill", "river", "wheel", "stream", "log", "record", "vessel", "water", "deep", "still")
ENCODERS = EncoderConfig(kind=EncoderKind.HASHING)
OLD, NEW = HashingEncoder(ENCODERS), HashingEncoder(ENCODERS, 1)
ROLLOUT = RolloutConfig(
    look_every_s=0.05,
    settle_s=1,
    verify_every_s=0.1,
    verify_s=5,
    canary_share=0.3,
    canary_s=0.5,
    canary_searches=10,
    canary_limit_s=30,
    holdback_share=0.3,
    watch_s=1,
    drain_s=0.5,
    guardrails=GuardrailsConfig(margin_s=0.2, stand_in_s=0.1, click_wait_s=0.5, note_every_s=0.1, slow_factor=100),
)
TOLERANCE = 1e-4


class Log(MemoryBroker):
    """Several threads write to it."""

    def __init__(self) -> None:
        super().__init__({topic.full_name(PREFIX): 2 for topic in LOOP})
        self._writing = threading.Lock()

    def append(self, topic: str, encoded: object) -> None:
        with self._writing:
            super().append(topic, encoded)  # type: ignore[arg-type]


class Reader(MemoryConsumer):
    """Waits a little where there is nothing to read."""

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        found = super().poll(max_records, timeout_s)
        if not found:
            time.sleep(0.005)
        return found


class Items:
    """What was ever published, and what is in effect: the truth that answers are judged by."""

    def __init__(self, log: Log, seed: int = 1) -> None:
        self.texts: dict[str, tuple[str, ...]] = {}
        """Of all versions of an item."""
        self.newest: dict[str, int | None] = {}
        """None once withdrawn."""
        self._producer = MemoryProducer(log)
        self._chance = Random(seed)
        self._version = 0

    def publish(self, item_id: str) -> None:
        """The item, or a new version of it."""
        self._version += 1
        text = " ".join([*self._chance.sample(WORDS, 4), f"v{self._version}"])
        self.texts[item_id] = (*self.texts.get(item_id, ()), text)
        self.newest[item_id] = self._version
        self._send(
            ItemCurated(
                item_id=item_id,
                version=self._version,
                modality=Modality.TEXT,
                text=text,
                content_sha256=sha256(text.encode()).hexdigest(),
                published_at=datetime.now(UTC),
                source="tests",
                licence="CC0-1.0",
            )
        )

    def withdraw(self, item_id: str) -> None:
        self._version += 1
        self.newest[item_id] = None
        self._send(ItemWithdrawn(item_id=item_id, version=self._version))

    def change(self, number: int) -> None:
        """Something that happens to some item: most often a new version, now and then its end or a new item."""
        there = [item_id for item_id, version in self.newest.items() if version is not None]
        chance = self._chance.random()
        if chance < 0.3:
            self.withdraw(self._chance.choice(there))
        elif chance < 0.5:
            self.publish(f"late-{number}")
        elif chance < 0.6 and (gone := [item_id for item_id, version in self.newest.items() if version is None]):
            self.publish(self._chance.choice(gone))
        else:
            self.publish(self._chance.choice(there))

    def _send(self, fact: Event) -> None:
        self._producer.send(CURATED.full_name(PREFIX), encode(fact, "tests"))
        self._producer.flush(1.0)


class Told:
    """Versions that were told as indexed, by space; what comes later may not be older."""

    def __init__(self, log: Log, spaces: Sequence[str]) -> None:
        self._scan, self._spaces = MemoryScan(log), spaces
        self._read: Counter[int] = Counter()
        self.content: dict[tuple[str, str], int] = {}
        self.withdrawn: dict[str, int] = {}

    def follow(self) -> None:
        topic = INDEXED.full_name(PREFIX)
        for partition, end in self._scan.ends(topic).items():
            for record in self._scan.read(topic, partition, self._read[partition], end):
                self._learn(decode(record, INDEXED.events))
            self._read[partition] = end

    def _learn(self, fact: Event) -> None:
        assert isinstance(fact, ItemIndexed)
        if fact.parts == 0:
            self.withdrawn[fact.item_id] = max(fact.version, self.withdrawn.get(fact.item_id, -1))
        elif fact.model_version is not None:
            place = (fact.model_version, fact.item_id)
            self.content[place] = max(fact.version, self.content.get(place, -1))


class Fragile:
    """The new model, which breaks when it is told to."""

    def __init__(self, encoder: Encoder, broken: threading.Event) -> None:
        self._encoder = encoder
        self._broken = broken

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        if self._broken.is_set():
            raise RuntimeError("it broke")
        return self._encoder.encode_texts(texts)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encoder, name)


class Installation:
    """Everything between the log and the answers."""

    def __init__(self, folder: Path, config: RolloutConfig = ROLLOUT) -> None:
        self.log = Log()
        self.items = Items(self.log)
        self.told = Told(self.log, (OLD.version, NEW.version))
        self.seen: Counter[str] = Counter()
        self.arms: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.registry = Registry(open_engine(MetadataConfig(url=f"sqlite:///{folder / 'metadata.sqlite'}")))
        self.registry.create_tables()
        self.registry.models.register(Model(NEW.version, ModelKind.ENCODER, NEW.version, facts={SALT: 1}))
        self.watch = Watch(self.registry, OLD.version, refresh_s=0.05)
        self.config = config
        self._closing = ExitStack()
        self._over = threading.Event()
        shelf = Shelf(ENCODERS, self.registry.models, ArtifactStore.open(folder / "artifacts"), folder / "models")
        self.index = VectorSpaces.in_folder(folder / "index", VectorIndexConfig(), self._live, self._written)
        embedder = Embedder(MediaStore.open(MediaConfig(url=str(folder / "media"))), EmbeddingConfig())
        media, embedding = MediaStore.open(MediaConfig(url=str(folder / "media"))), EmbeddingConfig()
        self.broken = threading.Event()

        def encoder_of(version: str) -> Encoder:
            encoder = shelf.get(version)
            return Fragile(encoder, self.broken) if version == NEW.version else encoder

        self._live_encoders = LiveEncoders(self.watch, encoder_of, SearchConfig(query_cache=1))
        self._search = SearchService(self._live_encoders, self.index, SearchConfig())
        self._stages = (
            embedding_stage(WrittenSpaces(self.watch, shelf), media, embedding, embedder),
            indexing_stage(self.index),
            rollout_stage(self.registry, self.watch, config),
            guardrails_stage(self.registry, self.watch, config),
        )
        backfill_log = BackfillLog(MemoryScan(self.log), MemoryProducer(self.log), PREFIX)
        self._services = (
            preloading(self._live_encoders),
            Backfill(self.registry, self.watch, shelf, embedder, backfill_log, embedding, "tests"),
            Conductor(
                self.registry,
                self.watch,
                self.index,
                self._live_encoders.shelf_ready,
                proof(self.index, config),
                config,
            ),
        )

    def __enter__(self) -> "Installation":
        self._live_encoders.load()
        self._closing.callback(self.index.close)
        for stage in self._stages:
            self._closing.enter_context(_Running(self._runner(stage)))
        for service in self._services:
            service.start()
            self._closing.callback(service.stop)
        for work in (self._searching, self._searching, self._following):
            thread = threading.Thread(target=work, daemon=True)
            thread.start()
            self._closing.callback(thread.join)
        self._closing.callback(self._over.set)
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def release(self) -> Rollout:
        """Asks for the new model, though no gate has judged it; with a canary all the same."""
        wish = Wish(force=True, canary_share=self.config.canary_share)
        return promote(self.registry, self.watch, self.config, NEW.version, wish)

    def rollout(self) -> Rollout:
        return self.registry.rollouts.list(1)[0]

    def wait_for(self, what: Callable[[], bool], meanwhile: Callable[[], None] = lambda: None) -> None:
        """At most half a minute; `meanwhile` is done again and again."""
        end = time.monotonic() + 30
        while not what():
            assert time.monotonic() < end, f"{self.registry.rollouts.list(1)}, {self.seen}"
            meanwhile()
            time.sleep(0.01)

    def settled(self) -> bool:
        """Everything that was published is embedded and indexed."""
        groups = {"embedding": CURATED, "indexing": EMBEDDED}
        ends = {topic: MemoryScan(self.log).ends(topic.full_name(PREFIX)) for topic in groups.values()}
        return all(
            self.log.committed[f"{PREFIX}.{stage}"].get(place, 0) == ends[topic][place.partition]
            for stage, topic in groups.items()
            for place in self.log.logs
            if place.topic == topic.full_name(PREFIX)
        )

    def held(self, encoder: HashingEncoder) -> dict[str, int]:
        """Items and versions in a space."""
        found = self.index.vectors(TENANT, encoder.version, list(self.items.newest))
        return {item_id: version for item_id, (version, _) in found.items()}

    def confuse(self) -> None:
        """From here on questions are encoded by the new model, whatever space is searched."""
        for questions in self._live_encoders._encoders.here.values():
            questions.vector = lambda text: NEW.encode_texts([text])[0]  # type: ignore[assignment]

    def _runner(self, stage: AnyStage) -> Runner:
        topics = [topic.full_name(PREFIX) for topic in stage.sources]
        consumer = Reader(self.log, f"{PREFIX}.{stage.name}", topics)
        config = RunnerConfig(idle_poll_s=0.05, tick_s=0.1)
        return Runner(stage, consumer, MemoryProducer(self.log), PREFIX, config)

    def _live(self) -> str:
        return self.watch.current().encoder_version

    def _written(self, fresh: bool = False) -> tuple[str, ...]:
        return (self.watch.fresh() if fresh else self.watch.current()).written

    def _following(self) -> None:
        while not self._over.wait(0.01):
            self.told.follow()

    def _searching(self) -> None:
        chance, producer = Random(threading.get_ident()), MemoryProducer(self.log)
        while not self._over.wait(0.002):
            words = " ".join(chance.sample(WORDS, 3))
            request = SearchRequest.model_validate({"query": {"text": words}, "hybrid": {"bm25_weight": 0}, "k": 10})
            content, withdrawn = dict(self.told.content), dict(self.told.withdrawn)
            try:
                served = self._search.search(request)
            except Exception as error:  # any failure whatever is what must not be
                self._note("failed", repr(error))
                continue
            self._judge(served, content, withdrawn)
            for fact in (served.fact, *served.failed):
                producer.send(SEARCHES.full_name(PREFIX), encode(fact, "tests"))
            producer.flush(1.0)

    def _judge(self, served: Served, content: dict[tuple[str, str], int], withdrawn: dict[str, int]) -> None:
        self.arms[served.fact.arm] += 1
        encoder = NEW if served.fact.model_version == NEW.version else OLD
        for hit in served.fact.hits:
            if not self._is_of(encoder, served.fact.query_text, hit):
                self._note("mixed", f"{hit} of {encoder.version}")
            if hit.version < content.get((encoder.version, hit.item_id), -1):
                self._note("stale", f"{hit} in {served.fact.arm}")
            if hit.version <= withdrawn.get(hit.item_id, -1):
                self._note("resurrected", f"{hit} in {served.fact.arm}")
        self.seen["answered"] += 1

    def _is_of(self, encoder: HashingEncoder, words: str, hit: Hit) -> bool:
        """Whether the score is that of the item in this space.

        An item that is replaced just when it is found may be shown with the score of the version before.
        """
        asked, *found = encoder.encode_texts([words, *self.items.texts[hit.item_id]])
        return any(abs(float(one @ asked) - hit.score) < TOLERANCE for one in found)

    def _note(self, what: str, detail: str) -> None:
        self.seen[what] += 1
        self.wrong.append(f"{what}: {detail}")


class _Running:
    """A runner in a thread."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._thread = threading.Thread(target=runner.run, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._runner.stop()
        self._thread.join()


def ended(installation: Installation) -> Callable[[], bool]:
    """The rollout found its end, and the space that lost is gone."""
    live = (installation.watch.fresh, installation.index.spaces)
    return lambda: installation.rollout().state.ended and live[1]() == (live[0]().encoder_version,)


def state(installation: Installation) -> RolloutState:
    return installation.rollout().state
