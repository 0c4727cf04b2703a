"""`/v1/retrieval/search`."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from models.serving.api import metrics
from models.serving.api.edge.answers import BODY_ERRORS, json_response, problems
from models.serving.api.edge.bodies import described, json_of, validated
from models.serving.api.edge.credentials import Tenant
from models.serving.api.edge.tracing import Traceparent, valid
from models.serving.api.routes.media import any_of
from models.serving.api.services import Api
from models.serving.request import SearchAnswer, SearchRequest, SearchResult
from schemas.items import MediaRef
from streams.codec import encode
from streams.media.store import uri_of
from streams.topics import SEARCHES

SOURCE = "millrace/serving"
DIGEST = re.compile(r"[0-9a-f]{64}")
REMEMBERED = 8192
"""Lengths of media that are looked up once."""

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


def remembered(length_of: Callable[[str], int | None]) -> Callable[[str], int | None]:
    """Asks once about what is there: bytes at a place never change. What is not there may come."""

    @lru_cache(REMEMBERED)
    def known(uri: str) -> int:
        if (length := length_of(uri)) is None:
            raise LookupError(uri)
        return length

    def look(uri: str) -> int | None:
        try:
            return known(uri)
        except LookupError:
            return None

    return look


class SearchEndpoints:
    """Answers searches."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._length_of = remembered(api.services.length_of)

    async def search(self, request: Request, tenant: Tenant, traceparent: Traceparent = None) -> Response:
        """Find items by meaning, by words, or by both, across modalities.

        `impression_id` names this answer in the record of searches; feedback refers to it.
        """
        return await self._api.searching.run(self._answer, await json_of(request), tenant, valid(traceparent))

    def _answer(self, content: bytes, tenant: str, traceparent: str | None) -> Response:
        served = self._api.services.search.search(validated(SearchRequest, content), tenant, traceparent)
        for fact in (served.fact, *served.failed):
            metrics.SEARCHES.labels(fact.arm, fact.outcome).inc()
            self._api.outbox.offer(SEARCHES.full_name(self._api.services.prefix), encode(fact, SOURCE))
        linked = tuple(self._linked(result) for result in served.answer.results)
        answer = served.answer.model_copy(update={"results": linked})
        return json_response(answer, model_version=answer.model_version)

    def _linked(self, result: SearchResult) -> SearchResult:
        """With a link for browsers if its medium is in our store."""
        digest = (result.uri or "").rpartition("/")[2]
        if not DIGEST.fullmatch(digest) or result.uri != uri_of(digest):
            return result
        length = self._length_of(result.uri)
        if length is None:
            return result
        ref = MediaRef(uri=result.uri, sha256=digest, length=length, media_type=any_of(result.modality))
        return result.model_copy(update={"media_url": self._api.links.link(ref)})


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
