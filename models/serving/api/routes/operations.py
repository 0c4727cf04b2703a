"""For operators: `/healthz`, `/readyz`, `/v1/metrics`. They ask for no credential and are not logged."""

from collections.abc import Callable, Mapping

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from starlette.responses import Response

from models.serving.api.edge.answers import Responses, json_response, problems
from models.serving.api.services import Api
from streams.errors import Unavailable


class Alive(BaseModel):
    """The process answers."""

    status: str = "alive"


class Dependency(BaseModel):
    """How something that the API stands on is doing."""

    ready: bool
    reason: str | None
    """Why it is not ready."""


class Readiness(BaseModel):
    """Whether requests can be answered, and if not, why not."""

    ready: bool
    reasons: list[str]
    notes: list[str]
    """What is not as it should be, though requests are answered."""
    dependencies: dict[str, Dependency]


class OperatorEndpoints:
    """Answers probes."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def alive(self) -> Alive:
        """The process answers; nothing else is asked."""
        return Alive()

    async def ready(self) -> Response:
        """Every dependency, and why it is not ready: the log, the index, the media store, the metadata
        database, the model."""
        return await self._api.probing.run(self._readiness)

    async def metrics(self) -> Response:
        """Metrics in the text format of Prometheus."""
        return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    def _readiness(self) -> Response:
        services = self._api.services
        found: Mapping[str, str | None] = {
            "log": self._api.outbox.ready(),
            "index": _reason(services.index.ready),
            "media": _reason(services.media.check),
            "metadata": _reason(services.keys.check),
            "model": services.search.live.ready(),
            **services.ready(),
        }
        dependencies = {name: Dependency(ready=reason is None, reason=reason) for name, reason in found.items()}
        reasons = [f"{name}: {reason}" for name, reason in found.items() if reason is not None]
        live = services.search.live
        notes = [note for check in (live.behind, live.without_heads) if (note := _reason(check))]
        body = Readiness(ready=not reasons, reasons=reasons, notes=notes, dependencies=dependencies)
        return json_response(body, 503 if reasons else 200)


def operator_routes(api: Api) -> APIRouter:
    """The endpoints for operators."""
    router, endpoints = APIRouter(tags=["operations"]), OperatorEndpoints(api)
    unready: Responses = {503: {"model": Readiness, "description": "Something is not ready; `reasons` says why."}}
    text: Responses = {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}
    router.add_api_route("/healthz", endpoints.alive, methods=["GET"], responses=problems())
    router.add_api_route(
        "/readyz", endpoints.ready, methods=["GET"], response_model=Readiness, responses=problems() | unready
    )
    router.add_api_route(
        "/v1/metrics", endpoints.metrics, methods=["GET"], response_class=Response, responses=problems() | text
    )
    return router


def _reason(check: Callable[[], str | None]) -> str | None:
    try:
        return check()
    except Unavailable as error:
        return str(error)
