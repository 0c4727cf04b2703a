"""`/v1/items`: publish, withdraw, look up."""

import re
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel
from starlette.convertors import Convertor, register_url_convertor
from starlette.responses import Response

from models.serving.api.edge.answers import BODY_ERRORS, Responses, json_response, problems
from models.serving.api.edge.bodies import JSON, MULTIPART, Upload, described, require_type, upload_of, validated
from models.serving.api.edge.credentials import Tenant
from models.serving.api.edge.problems import Problem
from models.serving.api.edge.tracing import Traceparent, valid
from models.serving.api.once import REPLAYED, Asker, IdempotencyKey
from models.serving.api.routes.drafts import (
    MEDIA_TYPE,
    PIXEL,
    Accepted,
    Draft,
    ItemBody,
    ItemDescription,
    draft_of,
)
from models.serving.api.routes.publishing import publish, withdraw
from models.serving.api.services import Api
from schemas.items import Version, WithdrawalMode
from streams.publishing.offer import UNKNOWN_TYPE

ItemId = Annotated[str, Path(min_length=1, max_length=512, description="May contain slashes.")]

EXAMPLES: dict[str, Any] = {
    "text": {
        "summary": "A text",
        "value": {"item_id": "proverbs/1", "text": "Still waters run deep.", "language": "en", "tags": ["proverb"]},
    },
    "picture": {
        "summary": "A small picture with a caption",
        "value": {"text": "one dark pixel", "media": {"base64": PIXEL, "media_type": "image/gif"}},
    },
}
BODY = described(ItemBody, EXAMPLES)
BODY["requestBody"]["content"][MULTIPART] = {
    "schema": {
        "type": "object",
        "properties": {
            "file": {"type": "string", "format": "binary", "description": "The medium, with a filename."},
            "item": {"$ref": "#/components/schemas/ItemDescription"},
        },
        "required": ["file"],
        "additionalProperties": False,
    },
    "encoding": {"item": {"contentType": JSON}},
}


class AnyText(Convertor[str]):
    """The rest of a path, whatever it holds: slashes, and also line ends, which Starlette's `path` stops at."""

    name = "any_text"
    regex = "(?s:.*)"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor(AnyText.name, AnyText())
ONE_ITEM = f"/v1/items/{{item_id:{AnyText.name}}}"


class ItemState(StrEnum):
    INDEXED = "indexed"
    WITHDRAWN = "withdrawn"


class ItemStatus(BaseModel):
    """What the index knows of an item."""

    item_id: str
    state: ItemState
    version: Version
    """The version in effect; a later publication or withdrawal has a higher one."""
    model_version: str | None
    """The encoder that made its vectors; null once withdrawn."""
    parts: int
    """Vectors that can be found; 0 once withdrawn."""


class ItemEndpoints:
    """Answers about items."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def publish(
        self, request: Request, tenant: Tenant, traceparent: Traceparent = None, idempotency_key: IdempotencyKey = None
    ) -> Response:
        """Publish an item, new or changed: as JSON, or as a file with its description.

        The answer means that the log has it. Curation decides within seconds whether it is kept; `GET
        /v1/items/{item_id}` says when it can be found.
        """
        asker = Asker(tenant, idempotency_key, valid(traceparent))
        if require_type(request.headers, JSON, MULTIPART) == JSON:
            return await self._api.writing.run(self._publish_json, asker, await request.body())
        upload = await upload_of(request)
        try:
            return await self._api.writing.run(self._publish_file, asker, upload)
        finally:
            await upload.file.close()

    async def withdraw(
        self,
        item_id: ItemId,
        tenant: Tenant,
        erase: Annotated[bool, Query(description="Also remove its bytes.")] = False,
        traceparent: Traceparent = None,
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        """Withdraw an item: it is never found again, unless it is published again later.

        An id that was never published is accepted too: its withdrawal may be the first that the loop hears of it.
        """
        mode = WithdrawalMode.ERASE if erase else WithdrawalMode.DELETE
        asker = Asker(tenant, idempotency_key, valid(traceparent))
        outcome = await self._api.writing.run(withdraw, self._api, asker, item_id, mode)
        return outcome.response()

    async def status(self, item_id: ItemId, tenant: Tenant) -> Response:
        """Whether an item can be found, and in which version. 404 until the index has heard of it."""
        return await self._api.searching.run(self._status, tenant, item_id)

    def _publish_json(self, asker: Asker, content: bytes) -> Response:
        return publish(self._api, asker, draft_of(validated(ItemBody, content))).response()

    def _publish_file(self, asker: Asker, upload: Upload) -> Response:
        description = validated(ItemDescription, upload.description)
        draft = Draft(description, upload.file.file.read(), _declared_type(upload))
        return publish(self._api, asker, draft).response()

    def _status(self, tenant: str, item_id: str) -> Response:
        head = self._api.services.index.head(tenant, item_id)
        if head is None:
            raise Problem(404, "unknown-item", "the index has not heard of this item, or not yet")
        state = ItemState.WITHDRAWN if head.withdrawn else ItemState.INDEXED
        return json_response(
            ItemStatus(
                item_id=item_id, state=state, version=head.version, model_version=head.model_version, parts=head.parts
            )
        )


def item_routes(api: Api) -> APIRouter:
    """The endpoints about items."""
    router, endpoints = APIRouter(tags=["items"]), ItemEndpoints(api)
    accepted: Responses = {202: {"headers": REPLAYED}}
    router.add_api_route(
        "/v1/items",
        endpoints.publish,
        methods=["POST"],
        status_code=202,
        response_model=Accepted,
        responses=accepted | problems(401, 403, 409, *BODY_ERRORS),
        openapi_extra=BODY,
    )
    router.add_api_route(
        ONE_ITEM,
        endpoints.withdraw,
        methods=["DELETE"],
        status_code=202,
        response_model=Accepted,
        responses=accepted | problems(401, 403, 409, 422),
    )
    router.add_api_route(
        ONE_ITEM,
        endpoints.status,
        methods=["GET"],
        response_model=ItemStatus,
        responses=problems(401, 404, 422),
    )
    return router


def _declared_type(upload: Upload) -> str:
    """As the part declares it, without parameters."""
    declared = (upload.file.content_type or UNKNOWN_TYPE).partition(";")[0].strip()
    return declared if re.fullmatch(MEDIA_TYPE, declared) else UNKNOWN_TYPE
