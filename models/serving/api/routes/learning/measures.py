"""`/v1/eval/run` and `/v1/index/build`: what is asked of the loop beside training."""

from hashlib import sha256
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, StringConstraints
from pydantic_core import to_json
from starlette.responses import Response

from models.metadata.idempotency import StoredAnswer
from models.serving.api.edge.answers import BODY_ERRORS, Responses, problems
from models.serving.api.edge.bodies import described, json_of, validated
from models.serving.api.edge.credentials import Operator
from models.serving.api.edge.problems import Problem
from models.serving.api.once import REPLAYED, Asker, IdempotencyKey, once
from models.serving.api.services import Api

NO_BUILD = (
    "an index is never built by itself here: a model's space is filled while the model is released, and what is lost "
    "is read from the log again by `millrace replay`"
)


class EvaluationBody(BaseModel):
    """Which model to evaluate against the one that serves. Unknown fields are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=r"^[^\x00]+$")]
    """Its version, as `/v1/models` names it."""


class EvaluationAccepted(BaseModel):
    """It is evaluated when its turn comes; `/v1/models/{version}` has the verdict then."""

    evaluation_id: UUID
    model: str
    status: Literal["queued"] = "queued"


EXAMPLES: dict[str, Any] = {"again": {"summary": "Once more", "value": {"model": "millrace-mini-0002"}}}


class MeasureEndpoints:
    """Has models evaluated."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def evaluate(self, request: Request, tenant: Operator, idempotency_key: IdempotencyKey = None) -> Response:
        """Evaluate a model anew against the one that serves, on the frozen evaluation set.

        While an evaluation of it waits or is under way, that is the one.
        """
        asker = Asker(tenant, idempotency_key)
        return await self._api.writing.run(self._evaluate, asker, await json_of(request))

    async def build(self, tenant: Operator) -> Response:
        """Always 501: a space is filled while its model is released, and mended by a replay of the log."""
        raise Problem(501, "no-index-build", NO_BUILD)

    def _evaluate(self, asker: Asker, content: bytes) -> Response:
        body, registry = validated(EvaluationBody, content), self._api.learning().registry
        if registry.models.get(body.model) is None:
            raise Problem(404, "unknown-model", "there is no such model")

        def asked(event_id: UUID) -> StoredAnswer:
            waiting = [one.evaluation_id for one in registry.evaluations.open() if one.model_version == body.model]
            if not waiting:
                request = to_json({"cause": "manual", "asked_by": f"api/{asker.tenant}"}).decode()
                registry.evaluations.ask(str(event_id), body.model, request)
            accepted = EvaluationAccepted(evaluation_id=UUID((waiting or [str(event_id)])[0]), model=body.model)
            return StoredAnswer(202, accepted.model_dump_json())

        digest = sha256(b"evaluation/" + body.model_dump_json().encode()).hexdigest()
        return once(self._api.services.keys, asker, digest, asked).response()


def measure_routes(api: Api) -> APIRouter:
    """The endpoints about evaluation and the index."""
    router, endpoints = APIRouter(tags=["models"]), MeasureEndpoints(api)
    accepted: Responses = {202: {"headers": REPLAYED}}
    router.add_api_route(
        "/v1/eval/run",
        endpoints.evaluate,
        methods=["POST"],
        status_code=202,
        response_model=EvaluationAccepted,
        responses=accepted | problems(401, 403, 404, 409, 501, *BODY_ERRORS),
        openapi_extra=described(EvaluationBody, EXAMPLES),
    )
    router.add_api_route(
        "/v1/index/build",
        endpoints.build,
        methods=["POST"],
        status_code=501,
        response_class=Response,
        responses=problems(401, 403, 501),
    )
    return router
