"""The parts that stages share: each built when the first stage of a process needs it.

So a process loads only the libraries that it uses.
"""

from contextlib import ExitStack
from functools import cached_property
from typing import TYPE_CHECKING

from pydantic import SecretStr

from infra.settings import Settings
from infra.wiring.secrets import embedded_token, kept_secret
from streams.errors import Misconfigured
from streams.kafka.consumer import KafkaConsumer
from streams.kafka.producer import KafkaProducer
from streams.media.store import MediaStore
from streams.runner import Runner
from streams.stage import AnyStage
from streams.topics import group_of

if TYPE_CHECKING:  # heavy libraries are loaded by the process that needs them
    from sqlalchemy import Engine

    from annotation.label_studio.client.label_studio import LabelStudio
    from consumers.embedding.embedder import Embedder
    from consumers.recording.clickhouse import Engine as ClickHouse
    from consumers.scoring.learning.head_store import HeadStore
    from models.labels.store import LabelStore
    from models.registry.artifacts.store import ArtifactStore
    from models.registry.registry import Registry
    from models.registry.shelf import Shelf
    from models.registry.standing import Watch
    from models.serving.live.encoders import LiveEncoders
    from models.vector_index.spaces.index import VectorSpaces
    from trainers.snapshots.store import SnapshotStore


class Workshop:
    """Builds the parts of one process, each once. `close` lets go of them in reverse order."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.close = ExitStack()

    @cached_property
    def media(self) -> MediaStore:
        return MediaStore.open(self.settings.media.resolved(self.settings.data_dir))

    @cached_property
    def metadata(self) -> "Engine":
        from infra.migrations.run import open_migrated

        engine = open_migrated(self.settings.metadata.resolved(self.settings.data_dir))
        self.close.callback(engine.dispose)
        return engine

    @cached_property
    def registry(self) -> "Registry":
        from models.registry.registry import Registry

        return Registry(self.metadata)

    @cached_property
    def artifacts(self) -> "ArtifactStore":
        from models.registry.artifacts.store import ArtifactStore

        return ArtifactStore.open(self.settings.registry.place(self.settings.data_dir, self.settings.media))

    @cached_property
    def shelf(self) -> "Shelf":
        """The encoders of all versions."""
        from models.registry.shelf import Shelf

        folder = self.settings.data_dir / "models"
        return Shelf(self.settings.encoder, self.registry.models, self.artifacts, folder)

    @cached_property
    def watch(self) -> "Watch":
        """What serves. Loads the configured encoder, as nobody else knows its name."""
        from models.registry.standing import Watch

        return Watch(self.registry, self.shelf.configured.version)

    @cached_property
    def live(self) -> "LiveEncoders":
        """The encoders that may answer searches."""
        from models.serving.live.encoders import LiveEncoders

        return LiveEncoders(self.watch, self.shelf.get, self.settings.search, heads_of=self.shelf.heads)

    @cached_property
    def index(self) -> "VectorSpaces":
        from models.vector_index.spaces.index import VectorSpaces

        config = self.settings.index

        def serving() -> str:
            return self.watch.current().encoder_version

        asks = (serving, lambda: self.watch.current().written, lambda: self.watch.fresh().written)
        if config.url:
            index = VectorSpaces.on_server(config, *asks)
        else:
            index = VectorSpaces.in_folder(self.settings.data_dir / "index", config, *asks)
        index.open(serving())
        self.close.callback(index.close)
        return index

    @cached_property
    def embedder(self) -> "Embedder":
        """Shared by what embeds new items and what embeds old ones anew."""
        from consumers.embedding.backfill.giving_up import giving_up
        from consumers.embedding.embedder import Embedder

        return Embedder(self.media, self.settings.embedding, giving_up(self.registry.rollouts, self.watch))

    @cached_property
    def snapshots(self) -> "SnapshotStore":
        from trainers.snapshots.store import SnapshotStore

        return SnapshotStore(self.metadata, self.artifacts)

    @cached_property
    def clickhouse(self) -> "ClickHouse":
        from consumers.recording.clickhouse import Engine

        engine = Engine.open(self.settings.recording, self.settings.data_dir / "clickhouse")
        self.close.callback(engine.close)
        return engine

    @cached_property
    def labels(self) -> "LabelStore":
        from models.labels.store import LabelStore

        return LabelStore(self.metadata)

    @cached_property
    def heads(self) -> "HeadStore":
        from consumers.scoring.learning.head_store import HeadStore

        return HeadStore(self.metadata, self.settings.scoring.kept_heads)

    @cached_property
    def media_secret(self) -> SecretStr:
        """Signs links to media; the same in all processes on a data folder."""
        return self.settings.api.media_secret or kept_secret(self.settings.data_dir / "secrets" / "media")

    @cached_property
    def label_studio(self) -> "LabelStudio":
        """The server that annotators work on. Raises Misconfigured where none is known."""
        from annotation.label_studio.client.label_studio import LabelStudio

        config = self.settings.label_studio
        if config.url is None:
            raise Misconfigured("label_studio.url is not set; `millrace up` starts a Label Studio where tasks are set")
        token = config.token or embedded_token(self.settings.data_dir)
        studio = LabelStudio(config.url, token.get_secret_value(), config.timeout_s)
        self.close.callback(studio.close)
        return studio

    def producer(self) -> KafkaProducer:
        """A producer of one's own; it is closed with the process."""
        producer = KafkaProducer(self.settings.kafka)
        self.close.callback(producer.close)
        return producer

    def runner(self, stage: AnyStage) -> Runner:
        kafka = self.settings.kafka
        topics = [topic.full_name(kafka.prefix) for topic in stage.sources]
        consumer = KafkaConsumer(kafka, group_of(kafka.prefix, stage.name), topics)
        runner = Runner(stage, consumer, KafkaProducer(kafka), kafka.prefix, self.settings.runner)
        consumer.on_revoked = runner.revoked
        return runner
