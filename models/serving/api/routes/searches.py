"""`/v1/retrieval/search`."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from models.serving.api.edge.answers import BODY_ERRORS, json_response, problems
from models.serving.api.edge.bodies import described, json_of, validated
from models.serving.api.edge.credentials import Tenant
from models.serving.api.edge.tracing import Traceparent, valid
from models.serving.api.services import Api
from models.serving.request import SearchAnswer, SearchRequest
from streams.codec import encode
from streams.topics import SEARCHES

SOURCE = "millrace/serving"

EXAMPLES: dict[str, Any] = {
    "words": {"summary": "By meaning and by words", "value": {"query": {"text": "quiet rivers"}, "k": 5}},
    "pictures": {
        "summary": "Pictures only, mostly by meaning",
        "value": {
            "query": {"text": "a handwritten seven"},
            "filters": {"modality": ["image"], "nsfw_flag": False},
            "hybrid": {"bm25_weight": 0.5, "vector_weight": 2},
        },
    },
}


class SearchEndpoints:
    """Answers searches."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def search(self, request: Request, tenant: Tenant, traceparent: Traceparent = None) -> Response:
        """Find items by meaning, by words, or by both, across modalities.

        `impression_id` names this answer in the record of searches; feedback refers to it.
        """
        return await self._api.searching.run(self._answer, await json_of(request), tenant, valid(traceparent))

    def _answer(self, content: bytes, tenant: str, traceparent: str | None) -> Response:
        served = self._api.services.search.search(validated(SearchRequest, content), tenant, traceparent)
        self._api.outbox.offer(SEARCHES.full_name(self._api.services.prefix), encode(served.fact, SOURCE))
        return json_response(served.answer)


def search_routes(api: Api) -> APIRouter:
    """The endpoint that searches."""
    router = APIRouter(tags=["retrieval"])
    router.add_api_route(
        "/v1/retrieval/search",
        SearchEndpoints(api).search,
        methods=["POST"],
        response_model=SearchAnswer,
        responses=problems(401, 403, *BODY_ERRORS),
        openapi_extra=described(SearchRequest, EXAMPLES),
    )
    return router
