"""`/v1/feedback`: what people made of an answer."""

from hashlib import sha256
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, RootModel, StrictBool, StringConstraints
from starlette.responses import Response

from models.metadata.idempotency import StoredAnswer
from models.serving.api.edge.answers import BODY_ERRORS, Responses, problems
from models.serving.api.edge.bodies import described, json_of, validated
from models.serving.api.edge.credentials import Tenant
from models.serving.api.edge.tracing import Traceparent, valid
from models.serving.api.once import REPLAYED, Asker, IdempotencyKey, computed_id, once
from models.serving.api.services import Api
from schemas.event import Name
from schemas.searches import FeedbackGiven, FeedbackKind
from streams.codec import encode
from streams.topics import FEEDBACK

SOURCE = "millrace/serving"
DAY_S = 86_400.0

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000)]


class Reaction(BaseModel):
    """What all kinds of feedback say. Unknown fields are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    impression_id: UUID
    """Of the answer that it is about, as the search gave it."""
    consent: StrictBool
    """The person agrees that this feedback may be used for training."""


class Click(Reaction):
    """A result was opened."""

    kind: Literal[FeedbackKind.CLICK]
    item_id: Name


class Dwell(Reaction):
    """How long a result was looked at."""

    kind: Literal[FeedbackKind.DWELL]
    item_id: Name
    value: Annotated[float, Field(strict=True, ge=0, le=DAY_S, allow_inf_nan=False)]
    """Seconds."""


class Rating(Reaction):
    """Stars, for a result or for the whole answer."""

    kind: Literal[FeedbackKind.RATING]
    item_id: Name | None = None
    value: Annotated[float, Field(strict=True, ge=1, le=5, allow_inf_nan=False)]
    """1 is worst, 5 is best."""


class Relevance(Reaction):
    """How well a result fits the query."""

    kind: Literal[FeedbackKind.RELEVANCE]
    item_id: Name
    value: Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]
    """0 is not at all, 1 is entirely."""


class Correction(Reaction):
    """What is wrong, in words; about a result or the whole answer."""

    kind: Literal[FeedbackKind.CORRECTION]
    item_id: Name | None = None
    text: Words


class NoResult(Reaction):
    """What was looked for is not in the answer."""

    kind: Literal[FeedbackKind.NO_RESULT]
    text: Words | None = None


class Safety(Reaction):
    """Something should not have been shown."""

    kind: Literal[FeedbackKind.SAFETY]
    item_id: Name | None = None
    text: Words | None = None


class FeedbackRequest(RootModel[Click | Dwell | Rating | Relevance | Correction | NoResult | Safety]):
    """Feedback of one kind; `kind` says which fields there are."""

    model_config = ConfigDict(frozen=True)
    root: Annotated[Click | Dwell | Rating | Relevance | Correction | NoResult | Safety, Field(discriminator="kind")]


class FeedbackAccepted(BaseModel):
    """The log has the fact."""

    impression_id: UUID
    event_id: UUID
    """The same feedback again is the same fact, and has the same id."""
    status: Literal["accepted"] = "accepted"


IMPRESSION = "3f2b8f5e-6f0c-4a55-9d3a-0a5a3a9be001"
EXAMPLES: dict[str, Any] = {
    "click": {
        "summary": "A result was opened",
        "value": {"impression_id": IMPRESSION, "kind": "click", "item_id": "proverbs/1", "consent": True},
    },
    "no_result": {
        "summary": "It was not there",
        "value": {"impression_id": IMPRESSION, "kind": "no_result", "consent": False, "text": "a song about rivers"},
    },
}


class FeedbackEndpoints:
    """Takes feedback."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def give(
        self, request: Request, tenant: Tenant, traceparent: Traceparent = None, idempotency_key: IdempotencyKey = None
    ) -> Response:
        """Say what an answer was worth: a click, a time, a judgement, a correction, or that nothing was found.

        The same feedback about the same answer counts once, however often it is sent. Whether the impression exists is
        not looked up; what names none that was served has no effect.
        """
        asker = Asker(tenant, idempotency_key, valid(traceparent))
        return await self._api.writing.run(self._given, asker, await json_of(request))

    def _given(self, asker: Asker, content: bytes) -> Response:
        said = validated(FeedbackRequest, content).root.model_dump()
        fact = FeedbackGiven(tenant=asker.tenant, **said)
        digest = sha256(b"feedback/" + fact.model_dump_json(include=set(said)).encode()).hexdigest()
        signed = asker.signed(fact, computed_id("feedback", asker.tenant, asker.key or "", digest))
        return once(self._api.services.keys, asker, digest, lambda _: self._sent(signed)).response()

    def _sent(self, fact: FeedbackGiven) -> StoredAnswer:
        self._api.outbox.publish(FEEDBACK.full_name(self._api.services.prefix), encode(fact, SOURCE))
        accepted = FeedbackAccepted(impression_id=fact.impression_id, event_id=fact.event_id)
        return StoredAnswer(202, accepted.model_dump_json())


def feedback_routes(api: Api) -> APIRouter:
    """The endpoint that takes feedback."""
    router = APIRouter(tags=["retrieval"])
    accepted: Responses = {202: {"headers": REPLAYED}}
    router.add_api_route(
        "/v1/feedback",
        FeedbackEndpoints(api).give,
        methods=["POST"],
        status_code=202,
        response_model=FeedbackAccepted,
        responses=accepted | problems(401, 403, 409, *BODY_ERRORS),
        openapi_extra=described(FeedbackRequest, EXAMPLES),
    )
    return router
