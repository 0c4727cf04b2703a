"""The parts list: which adapter stands behind which port. Nothing else constructs an adapter.

Parts are built when the first stage of a process needs them, and shared by all of its stages, so that a process loads
only the libraries that it uses.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import cached_property
from typing import TYPE_CHECKING

from infra.settings import Settings
from infra.worker.ops_server import Reply
from infra.worker.process import Parts, Service
from streams.kafka.consumer import KafkaConsumer
from streams.kafka.producer import KafkaProducer
from streams.media.store import MediaStore
from streams.runner import Runner
from streams.stage import AnyStage
from streams.topics import group_of

if TYPE_CHECKING:  # heavy libraries are loaded by the process that needs them
    from sqlalchemy import Engine

    from consumers.recording.clickhouse import Engine as ClickHouse
    from models.encoders.port import Encoder
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
        from infra.migrations.run import migrate
        from models.metadata.engine import open_engine

        engine = open_engine(self.settings.metadata.resolved(self.settings.data_dir))
        self.close.callback(engine.dispose)
        migrate(engine)
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

    def runner(self, stage: AnyStage) -> Runner:
        kafka = self.settings.kafka
        topics = [topic.full_name(kafka.prefix) for topic in stage.sources]
        consumer = KafkaConsumer(kafka, group_of(kafka.prefix, stage.name), topics)
        runner = Runner(stage, consumer, KafkaProducer(kafka), kafka.prefix, self.settings.runner)
        consumer.on_revoked = runner.revoked
        return runner


def build(settings: Settings, stages: Sequence[str], api_port: int | None = None) -> Parts:
    """The parts of a process that runs these stages, and the API if it has a port for it."""
    workshop = Workshop(settings)
    runners = {name: workshop.runner(STAGES[name](workshop)) for name in stages}
    services = [] if api_port is None else [_api(workshop, api_port)]
    routes = {("POST", "/sql"): _sql(workshop)} if "recording" in stages else {}
    return Parts(runners, services, routes, workshop.close)


def _curation(workshop: Workshop) -> AnyStage:
    from consumers.curation.claims import Claims
    from consumers.curation.stage import curation_stage

    settings = workshop.settings
    return curation_stage(settings.curation, workshop.media, Claims(workshop.metadata), settings.kafka.log_epoch)


def _embedding(workshop: Workshop) -> AnyStage:
    from consumers.embedding.stage import embedding_stage

    return embedding_stage(workshop.encoder, workshop.media, workshop.settings.embedding)


def _indexing(workshop: Workshop) -> AnyStage:
    from consumers.indexing.stage import indexing_stage

    return indexing_stage(workshop.index)


def _recording(workshop: Workshop) -> AnyStage:
    from consumers.recording.clickhouse import ClickHouseTables
    from consumers.recording.stage import recording_stage

    return recording_stage(ClickHouseTables(workshop.clickhouse.writer, workshop.settings.kafka.log_epoch))


STAGES: dict[str, Callable[[Workshop], AnyStage]] = {
    "curation": _curation,
    "embedding": _embedding,
    "indexing": _indexing,
    "recording": _recording,
}


def _api(workshop: Workshop, port: int) -> Service:
    from models.metadata.idempotency import IdempotencyKeys
    from models.serving.api.app import create_app
    from models.serving.api.server import ApiServer
    from models.serving.api.services import Services
    from models.serving.search import SearchService

    settings = workshop.settings
    producer = KafkaProducer(settings.kafka)
    workshop.close.callback(producer.close)
    services = Services(
        search=SearchService(workshop.encoder, workshop.index, settings.search),
        encoder=workshop.encoder,
        index=workshop.index,
        media=workshop.media,
        producer=producer,
        keys=IdempotencyKeys(workshop.metadata, settings.idempotency),
        prefix=settings.kafka.prefix,
    )
    server = ApiServer(create_app(services, settings.api), settings.api.host, port, settings.api.stop_grace_s)
    return Service("api", server.start, server.stop, server.ready)


def _sql(workshop: Workshop) -> Callable[[bytes], Reply]:
    from consumers.recording.queries import sql_endpoint

    answer = sql_endpoint(workshop.clickhouse.reader, workshop.settings.recording.query_rows)

    def reply(body: bytes) -> Reply:
        status, content = answer(body)
        return Reply(status, content, "application/json" if status == 200 else "application/problem+json")

    return reply
