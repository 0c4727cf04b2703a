"""`/v1/inference/embeddings`: an encoder as itself."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import StringConstraints
from starlette.responses import Response

from models.serving.api.edge.answers import BODY_ERRORS, json_response, problems
from models.serving.api.edge.bodies import described, json_of, validated
from models.serving.api.edge.credentials import Tenant
from models.serving.api.edge.problems import Problem
from models.serving.api.routes.drafts import PIXEL
from models.serving.api.routes.inference.inputs import Frozen, Inputs, Pictures, require_encoder, vectors_of
from models.serving.api.services import Api

EXAMPLES: dict[str, Any] = {
    "text": {"summary": "Two texts", "value": {"inputs": [{"text": "still waters"}, {"id": "b", "text": "run deep"}]}},
    "picture": {
        "summary": "A picture",
        "value": {"inputs": [{"modality": "image", "image_base64": PIXEL}]},
    },
}


class EmbeddingRequest(Frozen):
    """What to embed."""

    model: Annotated[str, StringConstraints(max_length=512)] | None = None
    """The encoder that must answer, of those that `/v1/models` calls loaded; left out, whichever serves."""
    inputs: Inputs
    normalize: Literal[True] = True
    """Vectors always have unit length; false is refused rather than ignored."""


class Embedding(Frozen):
    id: str
    vector: tuple[float, ...]
    untrained: bool
    """The tower behind it has not been trained: the vector means nothing yet."""


class EmbeddingAnswer(Frozen):
    """One vector for each input, in the order of the inputs."""

    model: str
    embeddings: tuple[Embedding, ...]
    dim: int


class EmbeddingEndpoints:
    """Gives vectors."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._live = api.services.search.live
        self._pictures = Pictures(api.services.media, api.links)

    async def embed(self, request: Request, tenant: Tenant) -> Response:
        """Vectors of texts and pictures, in the space of the searches, or in that of the version that `model` names."""
        return await self._api.searching.run(self._embed, await json_of(request))

    def _embed(self, content: bytes) -> Response:
        request = validated(EmbeddingRequest, content)
        encoder = self._live.encoder(request.model)
        if encoder is None:
            ready = sorted(self._live.shelf_ready())
            raise Problem(404, "unknown-model", f"ready to answer: {', '.join(ready)}", models=ready)
        require_encoder(encoder, request.inputs)
        rows = vectors_of(encoder, request.inputs, self._pictures, encoder.encode_texts).tolist()
        embeddings = tuple(
            Embedding(id=one.id or str(place), vector=rows[place], untrained=one.modality in encoder.untrained)
            for place, one in enumerate(request.inputs)
        )
        answer = EmbeddingAnswer(model=encoder.version, embeddings=embeddings, dim=encoder.dim)
        return json_response(answer, model_version=encoder.version)


def embedding_routes(api: Api) -> APIRouter:
    """The endpoint that gives vectors."""
    router, endpoints = APIRouter(tags=["inference"]), EmbeddingEndpoints(api)
    router.add_api_route(
        "/v1/inference/embeddings",
        endpoints.embed,
        methods=["POST"],
        response_model=EmbeddingAnswer,
        responses=problems(401, 403, 404, *BODY_ERRORS),
        openapi_extra=described(EmbeddingRequest, EXAMPLES),
    )
    return router
