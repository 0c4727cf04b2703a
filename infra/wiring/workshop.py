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
    from consumers.recording.clickhouse import Engine as ClickHouse
    from consumers.scoring.learning.head_store import HeadStore
    from models.encoders.port import Encoder
    from models.labels.store import LabelStore
    from models.vector_index.port import VectorIndex


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
    def encoder(self) -> "Encoder":
        from models.encoders.loading import load_encoder

        encoder = load_encoder(self.settings.encoder)
        encoder.warm_up()
        return encoder

    @cached_property
    def index(self) -> "VectorIndex":
        config = self.settings.index
        index: VectorIndex
        if config.url:
            from models.vector_index.server import ServerVectorIndex

            index = ServerVectorIndex.connect(config)
        else:
            from models.vector_index.edge import EdgeVectorIndex

            index = EdgeVectorIndex.open(self.settings.data_dir / "index", config)
        self.close.callback(index.close)
        return index

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
