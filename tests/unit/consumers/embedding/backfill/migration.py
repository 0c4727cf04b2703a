"""A whole migration in memory: log, embedding, index and backfill, each of which goes on only when it is told to.

So any interleaving can be tried. Everything is real but the log, the index's engine (qdrant-client's own, see
tests/contract/local_index.py) and the media, which no item has.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from tempfile import gettempdir
from uuid import UUID

from qdrant_client import QdrantClient

from consumers.embedding.backfill import Backfill, BackfillLog, backfill_marks
from consumers.embedding.config import EmbeddingConfig
from consumers.embedding.embedder import Embedder
from consumers.embedding.spaces import WrittenSpaces
from consumers.embedding.stage import embedding_stage
from consumers.indexing.stage import indexing_stage
from models.encoders.config import EncoderConfig, EncoderKind
from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from models.registry.artifacts import ArtifactStore
from models.registry.records import RolloutState
from models.registry.registry import Registry
from models.registry.shelf import Shelf
from models.registry.standing import Watch
from models.vector_index.config import VectorIndexConfig
from models.vector_index.parity import compare
from models.vector_index.parity.walks import counted
from models.vector_index.port import rank_of
from models.vector_index.server.ground import ServerGround
from models.vector_index.spaces import VectorSpaces
from schemas.event import Event
from schemas.items import ItemCurated, ItemWithdrawn, Modality, WithdrawalMode
from streams.codec import decode, encode
from streams.errors import Refusal
from streams.media.store import MediaStore
from streams.memory import MemoryBroker, MemoryProducer
from streams.record import Record, TopicPartition
from streams.scan import MemoryScan
from streams.stage import BatchStage, Incoming
from streams.topics import CURATED, EMBEDDED
from tests.contract.clocks import HandClock
from tests.unit.consumers.embedding.registered import LIVE, began, hashing_model, moved_on

CANDIDATE = f"{LIVE}-salt1"
TENANT = "acme"
HOUSE = Path(gettempdir()) / "millrace-no-media"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Reader:
    """Reads a topic and hands it to a stage; goes back a little when it is told that it crashed."""

    def __init__(self, broker: MemoryBroker, stage: BatchStage, source: str, answers: str) -> None:
        self._broker, self._stage, self._source, self._answers = broker, stage, source, answers
        self._places = [place for place in broker.logs if place.topic == source]
        self.read = dict.fromkeys(self._places, 0)

    def go_on(self, count: int) -> None:
        """The next records of each partition, as one batch."""
        records = [one for place in self._places for one in self._next(place, count)]
        if not records:
            return
        facts = [Incoming(decode(one, CURATED.events + EMBEDDED.events), one.first_place) for one in records]
        for outcome in self._stage.outcomes(facts):
            for event in outcome.also if isinstance(outcome, Refusal) else outcome:
                self._broker.append(self._answers, encode(event, "test"))

    def go_back(self, count: int) -> None:
        """The last records are delivered again."""
        self.read = {place: max(0, read - count) for place, read in self.read.items()}

    def finish(self) -> None:
        while any(self.read[place] < len(self._broker.logs[place]) for place in self._places):
            self.go_on(50)

    def _next(self, place: TopicPartition, count: int) -> list[Record]:
        records = self._broker.logs[place][self.read[place] : self.read[place] + count]
        self.read[place] += len(records)
        return records


class Migration:
    """One run. `sabotage` may replace parts before it begins."""

    def __init__(self, spaces: type[VectorSpaces] = VectorSpaces, portion: int = 2) -> None:
        self.clock = HandClock()
        self.registry = Registry(open_engine(MetadataConfig(url="sqlite://")), self.clock)
        self.registry.create_tables()
        self.registry.models.register(hashing_model(CANDIDATE, 1))
        self.watch = Watch(self.registry, LIVE, refresh_s=0, clock=self.clock)
        self.topics = [topic.full_name("test") for topic in (CURATED, EMBEDDED)]
        self.broker = MemoryBroker({self.topics[0]: 2, self.topics[1]: 2, "indexed": 1})
        self.index = spaces(
            ServerGround(QdrantClient(":memory:"), VectorIndexConfig()),
            lambda: self.watch.current().encoder_version,
            lambda: self.watch.current().written,
        )
        self.config = EmbeddingConfig(max_records=portion, backfill_mark_s=0)
        self.embedder = Embedder(MediaStore.open(HOUSE), self.config)
        config = EncoderConfig(kind=EncoderKind.HASHING)
        self.shelf = Shelf(config, self.registry.models, ArtifactStore.open(HOUSE), HOUSE)
        self.embedding = self._embedding(WrittenSpaces(self.watch, self.shelf, self.clock))
        self.indexing = Reader(self.broker, indexing_stage(self.index), self.topics[1], "indexed")
        self.backfill = self.started()
        self.versions = iter(range(1, 10_000))

    def _embedding(self, encoders: WrittenSpaces) -> Reader:
        stage = embedding_stage(encoders, MediaStore.open(HOUSE), self.config, self.embedder)
        return Reader(self.broker, stage, *self.topics)

    def started(self, owner: str = "embedding") -> Backfill:
        """A backfill as after the start of its process."""
        log = BackfillLog(MemoryScan(self.broker), MemoryProducer(self.broker), "test")
        parts = (self.registry, self.watch, self.shelf, self.embedder, log, self.config)
        return Backfill(*parts, owner, self.clock)

    # What happens to items

    def publish(self, item: int, readable: bool = True) -> None:
        """A new version; one that cannot be read withdraws the older ones."""
        version = next(self.versions)
        self._say(
            ItemCurated(
                event_id=UUID(int=version),
                tenant=TENANT,
                item_id=f"item-{item}",
                version=version,
                modality=Modality.TEXT if readable else Modality.AUDIO,
                text=f"item {item} version {version}",
                content_sha256=sha256(str(version).encode()).hexdigest(),
                published_at=NOON,
            )
        )

    def withdraw(self, item: int) -> None:
        self._withdrawn(item, next(self.versions), WithdrawalMode.DELETE)

    def reject(self, item: int) -> None:
        """Curation refused a new version: the older ones must not be found."""
        self._withdrawn(item, next(self.versions) - 1, WithdrawalMode.REPLACED)

    def repeat(self, ago: int) -> None:
        """An old record once more, as a replay of letters or a producer's retry may bring it."""
        said = [record for place, log in self.broker.logs.items() if place.topic == self.topics[0] for record in log]
        if said:
            record = sorted(said, key=lambda one: (one.offset, one.partition))[-1 - ago % len(said)]
            self.broker.logs[record.topic_partition].append(
                record._replace(offset=len(self.broker.logs[record.topic_partition]))
            )

    def _withdrawn(self, item: int, version: int, mode: WithdrawalMode) -> None:
        self._say(ItemWithdrawn(tenant=TENANT, item_id=f"item-{item}", version=version, mode=mode))

    def _say(self, event: Event) -> None:
        self.broker.append(self.topics[0], encode(event, "test"))

    # The rollout

    def begin(self) -> None:
        """New items are written in both spaces from here on."""
        if self.watch.fresh().rollout is None:
            began(self.registry, CANDIDATE)

    def fill(self) -> None:
        """Older ones may be embedded anew from here on."""
        rollout = self.watch.fresh().rollout
        if rollout is not None and rollout.state is RolloutState.PREPARING:
            moved_on(self.registry, RolloutState.BACKFILLING)

    def restart_backfill(self) -> None:
        self.backfill = self.started()

    def finish(self) -> None:
        """Everything that is under way comes to its end."""
        self.begin()
        self.fill()
        self.embedding.finish()
        while not backfill_marks(self.registry.rollouts.list(1)[0]).complete:
            self.backfill.look()
        self.indexing.finish()

    # What is true

    def truth(self) -> dict[str, int]:
        """The version of each item that must be found, from the whole log; kept nowhere else."""
        highest: dict[str, tuple[int, int | None]] = {}
        for record in self.broker.records(self.topics[0]):
            fact = decode(record, CURATED.events)
            for item, rank, version in _states(fact):
                if rank > highest.get(item, (-1, None))[0]:
                    highest[item] = (rank, version)
        return {item: version for item, (_, version) in highest.items() if version is not None}

    def found(self, model_version: str) -> dict[str, int]:
        return {one.item_id: one.version for one in counted(self.index, model_version)}

    def check(self) -> None:
        """Both spaces hold what is true."""
        truth = self.truth()
        assert self.found(LIVE) == truth
        assert self.found(CANDIDATE) == truth
        assert compare(self.index, LIVE, CANDIDATE, sample=0).equal


def _states(fact: Event) -> Sequence[tuple[str, int, int | None]]:
    """Item, rank and the version that can be found by it."""
    if isinstance(fact, ItemWithdrawn):
        return [(fact.item_id, rank_of(fact.version or 0, withdrawn=True), None)]
    assert isinstance(fact, ItemCurated)
    if fact.modality is Modality.TEXT:
        return [(fact.item_id, rank_of(fact.version, withdrawn=False), fact.version)]
    return [(fact.item_id, rank_of(fact.version - 1, withdrawn=True), None)]


@contextmanager
def migrating(make: Callable[[], Migration] = Migration) -> Iterator[Migration]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Payload indexes have no effect")
        migration = make()
        yield migration
        migration.index.close()
        migration.registry.engine.dispose()
