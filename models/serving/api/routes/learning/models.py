"""`/v1/models`: what was trained, what serves, and how that changes."""

from collections.abc import Callable
from functools import partial
from hashlib import sha256
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.responses import Response

from models.metadata.idempotency import StoredAnswer
from models.registry.records import Rollout
from models.serving.api.edge.answers import BODY_ERRORS, Responses, json_response, problems
from models.serving.api.edge.bodies import described, json_of, validated
from models.serving.api.edge.credentials import Operates, Operator, Tenant
from models.serving.api.edge.problems import Problem
from models.serving.api.once import REPLAYED, Asker, IdempotencyKey, once
from models.serving.api.routes.learning.names import ONE_MODEL, PathName
from models.serving.api.routes.learning.shelf import (
    ModelDetails,
    Models,
    Reader,
    RolloutView,
    described_model,
    listed,
    rollout_view,
)
from models.serving.api.services import Api
from streams.errors import Misconfigured, Refusal


class PromoteBody(BaseModel):
    """How a model is to be released. Unknown fields are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    force: bool = False
    """Also without the gate's consent. The guardrails watch it all the same."""
    canary_share: Annotated[float, Field(ge=0, le=0.5, allow_inf_nan=False)] | None = None
    """Of the searches that the candidate answers before it serves; left out, as the deployment is set."""


class RollbackBody(BaseModel):
    """Why the model before should serve again. Unknown fields are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000)]


EXAMPLES: dict[str, Any] = {
    "gate": {"summary": "What the gate let through", "value": {}},
    "forced": {"summary": "In spite of the gate", "value": {"force": True, "canary_share": 0.05}},
}
REASONS: dict[str, Any] = {"worse": {"summary": "It is worse", "value": {"reason": "fewer clicks since noon"}}}


class ModelEndpoints:
    """Answers about models, and has them released."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def models(self, tenant: Tenant, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> Response:
        """What serves, what is on its way, and the newest models."""
        return await self._api.searching.run(self._models, limit)

    async def model(self, version: PathName, tenant: Tenant, operates: Operates) -> Response:
        """All that is known of a model, with the gate's latest verdict on it.

        Its reasons and slices name sources and tasks of all tenants: they are told to those who may release.
        """
        return await self._api.searching.run(self._model, version, Reader(tenant, operates))

    async def promote(
        self, version: PathName, request: Request, tenant: Operator, idempotency_key: IdempotencyKey = None
    ) -> Response:
        """Begin to release a model: older items are embedded anew, a canary is compared, then it serves.

        The answer is the rollout as it begins; `/v1/models` tells how far it is.
        """
        asker = Asker(tenant, idempotency_key)
        return await self._api.writing.run(self._promote, asker, version, await json_of(request))

    async def rollback(self, request: Request, tenant: Operator, idempotency_key: IdempotencyKey = None) -> Response:
        """Let the model before serve again. At once while the last release is watched; later it is released anew."""
        return await self._api.writing.run(self._rollback, Asker(tenant, idempotency_key), await json_of(request))

    def _models(self, limit: int) -> Response:
        live, learning = self._api.services.search.live, self._api.services.learning
        return json_response(listed(live, learning.registry if learning else None, limit))

    def _model(self, version: str, reader: Reader) -> Response:
        live, learning = self._api.services.search.live, self._api.services.learning
        found = described_model(live, learning.registry if learning else None, version, reader)
        if found is None:
            raise Problem(404, "unknown-model", "there is no such model")
        return json_response(found)

    def _promote(self, asker: Asker, version: str, content: bytes) -> Response:
        body, learning = validated(PromoteBody, content), self._api.learning()
        if learning.registry.models.get(version) is None:
            raise Problem(404, "unknown-model", "there is no such model")
        said = f"promote/{version}/{body.model_dump_json()}"
        promote = partial(learning.promote, version, body.force, body.canary_share, _asked_by(asker))
        return self._done(asker, said, promote)

    def _rollback(self, asker: Asker, content: bytes) -> Response:
        body, learning = validated(RollbackBody, content), self._api.learning()
        said = f"rollback/{body.model_dump_json()}"
        return self._done(asker, said, partial(learning.rollback, body.reason, _asked_by(asker)))

    def _done(self, asker: Asker, said: str, work: Callable[[UUID], Rollout]) -> Response:
        """The rollout that came of it: once for each key, also where we died before the answer.

        A refusal is 409 and leaves the key free.
        """
        digest = sha256(said.encode("utf-8", "surrogatepass")).hexdigest()
        try:
            answered = once(self._api.services.keys, asker, digest, lambda event_id: _stored(work(event_id)))
        except Refusal as error:
            raise Problem(409, "release-refused", error.detail or error.reason, reason=error.reason) from error
        except Misconfigured as error:
            raise Problem(409, "release-refused", str(error)) from error
        return answered.response()


def _asked_by(asker: Asker) -> str:
    return f"api/{asker.tenant}"


def _stored(rollout: Rollout) -> StoredAnswer:
    return StoredAnswer(202, rollout_view(rollout).model_dump_json())


def model_routes(api: Api) -> APIRouter:
    """The endpoints about models."""
    router, endpoints = APIRouter(tags=["models"]), ModelEndpoints(api)
    accepted: Responses = {202: {"headers": REPLAYED}}
    changing: dict[str, Any] = {
        "methods": ["POST"],
        "status_code": 202,
        "response_model": RolloutView,
    }
    router.add_api_route(
        "/v1/models", endpoints.models, methods=["GET"], response_model=Models, responses=problems(401, 422)
    )
    router.add_api_route(
        "/v1/models/rollback",
        endpoints.rollback,
        responses=accepted | problems(401, 403, 409, 501, *BODY_ERRORS),
        openapi_extra=described(RollbackBody, REASONS),
        **changing,
    )
    router.add_api_route(
        f"{ONE_MODEL}/promote",
        endpoints.promote,
        responses=accepted | problems(401, 403, 404, 409, 501, *BODY_ERRORS),
        openapi_extra=described(PromoteBody, EXAMPLES),
        **changing,
    )
    router.add_api_route(
        ONE_MODEL,
        endpoints.model,
        methods=["GET"],
        response_model=ModelDetails,
        responses=problems(401, 404, 422),
    )
    return router
