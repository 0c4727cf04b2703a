"""A process: its stages, each with what drives it, and what works beside them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from infra.settings import Settings
from infra.wiring.bridge import bridge_services
from infra.wiring.learning import learning_of, learning_services
from infra.wiring.stages import STAGES
from infra.wiring.workshop import Workshop
from infra.worker.ops_server import Call, Handler, Reply
from infra.worker.process import Driver, Parts, Service

if TYPE_CHECKING:  # brings Faust along
    from streams.faust.windowed import Pace, Windowed


def build(settings: Settings, stages: Sequence[str], api_port: int | None = None) -> Parts:
    """The parts of a process that runs these stages, and the API if it has a port for it."""
    workshop = Workshop(settings)
    runners = {name: driver(workshop, name) for name in stages}
    services = [*_serving(workshop, api_port), *learning_services(workshop, stages)]
    routes: dict[tuple[str, str], Handler] = {}
    if "recording" in stages:
        routes["POST", "/sql"] = _sql(workshop)
    if "selection" in stages and settings.labelling.tasks:
        from infra.wiring.account import account_service

        services.append(account_service(workshop))
    if "bridge" in stages and settings.labelling.tasks:
        sides, doors = bridge_services(workshop)
        services += sides
        routes |= doors
    return Parts(runners, services, routes, workshop.close)


def driver(workshop: Workshop, stage: str) -> Driver:
    """What drives a stage: for windows and joins Faust, for everything else our own runner."""
    settings = workshop.settings
    if stage == "signals":
        from consumers.signals.stage import Signals

        return _windows(workshop, Signals(settings.signals, settings.kafka.prefix), settings.signals)
    if stage == "triggers":
        from trainers.triggers.stage import Triggers

        return _windows(workshop, Triggers(settings.triggers, settings.kafka.prefix), settings.triggers)
    return workshop.runner(STAGES[stage](workshop))


def _windows(workshop: Workshop, windowed: "Windowed", pace: "Pace") -> Driver:
    from streams.faust.runner import FaustRunner

    return FaustRunner(windowed, pace, workshop.settings.kafka, workshop.producer())


def _serving(workshop: Workshop, port: int | None) -> list[Service]:
    """The API, and the encoders that it may have to answer with."""
    if port is None:
        return []
    from models.serving.live.preloading import preloading

    loading = preloading(workshop.live)
    workshop.live.load()
    return [Service("preloading", loading.start, loading.stop, loading.ready), _api(workshop, port)]


def _api(workshop: Workshop, port: int) -> Service:
    from models.metadata.idempotency import IdempotencyKeys
    from models.serving.api.app import create_app
    from models.serving.api.server import ApiServer
    from models.serving.api.services import Services
    from models.serving.search import SearchService

    settings = workshop.settings
    services = Services(
        search=SearchService(workshop.live, workshop.index, settings.search),
        index=workshop.index,
        media=workshop.media,
        producer=workshop.producer(),
        keys=IdempotencyKeys(workshop.metadata, settings.idempotency),
        prefix=settings.kafka.prefix,
        length_of=workshop.media.length_of,
        learning=learning_of(workshop),
    )
    config = settings.api.model_copy(update={"media_secret": workshop.media_secret})
    server = ApiServer(create_app(services, config), config.host, port, config.stop_grace_s)
    return Service("api", server.start, server.stop, server.ready)


def _sql(workshop: Workshop) -> Handler:
    from consumers.recording.queries import sql_endpoint

    answer = sql_endpoint(workshop.clickhouse.reader, workshop.settings.recording.query_rows)

    def reply(call: Call) -> Reply:
        status, content = answer(call.body)
        return Reply(status, content, "application/json" if status == 200 else "application/problem+json")

    return reply
