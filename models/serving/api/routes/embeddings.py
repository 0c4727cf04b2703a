"""`/v1/inference/embeddings`: an encoder as itself."""

from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, unquote_to_bytes, urlsplit

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from starlette.responses import Response

from models.encoders.port import Encoder, Vectors
from models.serving.api.edge.answers import BODY_ERRORS, json_response, problems
from models.serving.api.edge.bodies import described, json_of, validated
from models.serving.api.edge.credentials import Tenant
from models.serving.api.edge.problems import Problem
from models.serving.api.links import PATH, LinkRefused, MediaLinks, SignedLink
from models.serving.api.routes.drafts import PIXEL, decoded
from models.serving.api.services import Api
from schemas.items import Modality
from streams.errors import BadRecord
from streams.media.store import MediaStore

MAX_INPUTS = 64
MAX_CHARACTERS = 20_000
EXAMPLES: dict[str, Any] = {
    "text": {"summary": "Two texts", "value": {"inputs": [{"text": "still waters"}, {"id": "b", "text": "run deep"}]}},
    "picture": {
        "summary": "A picture",
        "value": {"inputs": [{"modality": "image", "image_base64": PIXEL}]},
    },
}


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EmbeddingInput(Frozen):
    """One thing to embed: a text, or a picture given in one of two ways."""

    id: Annotated[str, StringConstraints(min_length=1, max_length=512)] | None = None
    """Comes back with the vector; left out, it is the position, counted from 0."""
    modality: Modality = Modality.TEXT
    text: Annotated[str, StringConstraints(min_length=1, max_length=MAX_CHARACTERS)] | None = None
    """Words beyond the model's window are left out."""
    image_url: Annotated[str, StringConstraints(min_length=1)] | None = None
    """A `data:` URL, or a signed `/v1/media/…` link of this API. Nothing is ever fetched from a network."""
    image_base64: Annotated[str, StringConstraints(min_length=1)] | None = None

    @model_validator(mode="after")
    def _one_content_of_its_modality(self) -> "EmbeddingInput":
        wanted = {"text"} if self.modality is Modality.TEXT else {"image_url", "image_base64"}
        given = {name for name in ("text", "image_url", "image_base64") if getattr(self, name) is not None}
        if self.modality in {Modality.TEXT, Modality.IMAGE} and (len(given) != 1 or not given <= wanted):
            raise ValueError(f"modality {self.modality} takes exactly one of {', '.join(sorted(wanted))}")
        return self


class EmbeddingRequest(Frozen):
    """What to embed."""

    model: Annotated[str, StringConstraints(max_length=512)] | None = None
    """The encoder that must answer, of those that `/v1/models` calls loaded; left out, whichever serves."""
    inputs: Annotated[tuple[EmbeddingInput, ...], Field(min_length=1, max_length=MAX_INPUTS)]
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
        for modality in {one.modality for one in request.inputs} - (
            {Modality.TEXT, Modality.IMAGE} & encoder.modalities
        ):
            raise Problem(422, "no-encoder", f"no encoder for {modality} serves yet")
        rows = _rows(encoder, request.inputs, self._pictures)
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


class Pictures:
    """Gets the bytes of a picture from what a client sent, without ever asking a network for them."""

    def __init__(self, media: MediaStore, links: MediaLinks) -> None:
        self._media = media
        self._links = links

    def content(self, one: EmbeddingInput, place: int) -> bytes:
        """Raises BadRecord, or Problem for a link that we did not sign."""
        if one.image_base64 is not None:
            return decoded(one.image_base64, f"inputs.{place}.image_base64")
        url = one.image_url or ""
        if url.startswith("data:"):
            return _data(url, f"inputs.{place}.image_url")
        if urlsplit(url).path.startswith(f"{PATH}/"):
            return self._linked(url)
        raise BadRecord("invalid_image_url", f"inputs.{place}.image_url: neither a data: URL nor a link of this API")

    def _linked(self, url: str) -> bytes:
        split = urlsplit(url)
        said = dict(parse_qsl(split.query)) | {"digest": split.path.rpartition("/")[2]}
        try:
            ref = self._links.ref(SignedLink.model_validate(said))
        except (ValidationError, LinkRefused) as error:
            reason = str(error) if isinstance(error, LinkRefused) else "it is not a link of this API"
            raise Problem(403, "link-refused", reason) from error
        return self._media.get(ref)


def _rows(encoder: Encoder, inputs: tuple[EmbeddingInput, ...], pictures: Pictures) -> dict[int, list[float]]:
    """The vectors by position; each modality is encoded in one go."""
    texts = [place for place, one in enumerate(inputs) if one.modality is Modality.TEXT]
    images = [place for place, one in enumerate(inputs) if one.modality is Modality.IMAGE]
    rows: dict[int, list[float]] = {}
    if texts:
        rows |= _by_place(texts, encoder.encode_texts([inputs[place].text or "" for place in texts]))
    if images:
        rows |= _by_place(images, encoder.encode_images([pictures.content(inputs[place], place) for place in images]))
    return rows


def _by_place(places: list[int], vectors: Vectors) -> dict[int, list[float]]:
    return dict(zip(places, vectors.tolist(), strict=True))


def _data(url: str, place: str) -> bytes:
    """The bytes in a `data:` URL (RFC 2397)."""
    head, comma, data = url.partition(",")
    if not comma:
        raise BadRecord("invalid_image_url", f"{place}: a data: URL needs a comma before its data")
    return decoded(data, place) if head.endswith(";base64") else unquote_to_bytes(data)
