"""`/v1/inference/labels`: which classes of a task an input belongs to, as the heads of the model that serves see it."""

from functools import partial
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Request
from pydantic import Field, StringConstraints
from starlette.responses import Response

from models.encoders.port import Encoder, Vectors
from models.encoders.text.whole import vectors_of_texts
from models.heads.bundle import HeadName
from models.heads.linear import Head
from models.heads.objective import Floats
from models.serving.api.edge.answers import BODY_ERRORS, json_response, problems
from models.serving.api.edge.bodies import described, json_of, validated
from models.serving.api.edge.credentials import Tenant
from models.serving.api.edge.problems import Problem
from models.serving.api.routes.drafts import PIXEL
from models.serving.api.routes.inference.inputs import Frozen, Inputs, Pictures, require_encoder, vectors_of
from models.serving.api.services import Api
from models.serving.live.encoders import Labelling

MAX_LABELS = 1_000
READ_CHARACTERS = 2_000
"""Of a text, from its beginning. Snapshots keep as much unless told otherwise: heads have learnt from no more."""
MAX_WINDOWS = 4
"""Of what is read: text without spaces has many."""
EXAMPLES: dict[str, Any] = {
    "text": {
        "summary": "The likeliest classes of a text",
        "value": {"task": "topic", "inputs": [{"text": "still waters run deep"}], "top_k": 3},
    },
    "picture": {
        "summary": "A picture",
        "value": {"task": "topic", "inputs": [{"id": "a", "modality": "image", "image_base64": PIXEL}]},
    },
}


class LabelsRequest(Frozen):
    """What to classify, and by which task of annotators."""

    task: Annotated[str, StringConstraints(min_length=1, max_length=512)]
    """Name of a class task of yours that the model that serves has a head for."""
    inputs: Inputs
    top_k: Annotated[int, Field(ge=1, le=MAX_LABELS)] = 5
    """Classes wanted for each input, the likeliest first."""


class LabelProbability(Frozen):
    label: str
    probability: float
    """Tempered: of inputs that get 0.8, about 8 in 10 are of this class, as far as the labels could tell."""


class LabelledInput(Frozen):
    id: str
    labels: tuple[LabelProbability, ...]
    untrained: bool
    """The tower behind it has not been trained: the answer means little yet."""


class LabelsAnswer(Frozen):
    """The likeliest classes of each input, in the order of the inputs."""

    model: str
    """The version whose heads answered."""
    generation: int
    task: str
    results: tuple[LabelledInput, ...]


class LabelEndpoints:
    """Says which classes inputs belong to."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._live = api.services.search.live
        self._pictures = Pictures(api.services.media, api.links)

    async def classify(self, request: Request, tenant: Tenant) -> Response:
        """The likeliest classes of texts and pictures, by the head that your labels of a task have taught."""
        return await self._api.searching.run(self._classify, await json_of(request), tenant)

    def _classify(self, content: bytes, tenant: str) -> Response:
        request = validated(LabelsRequest, content)
        labelling = self._live.labelling()
        head, encoder = _head(labelling, tenant, request.task), labelling.encoder
        require_encoder(encoder, request.inputs)
        vectors = vectors_of(encoder, request.inputs, self._pictures, partial(_read, encoder))
        said = head.probabilities(vectors, temperature=True)
        results = tuple(
            LabelledInput(
                id=one.id or str(place),
                labels=_likeliest(head, said[place], request.top_k),
                untrained=one.modality in encoder.untrained,
            )
            for place, one in enumerate(request.inputs)
        )
        answer = LabelsAnswer(
            model=labelling.model_version, generation=labelling.generation, task=request.task, results=results
        )
        return json_response(answer, model_version=encoder.version)


def label_routes(api: Api) -> APIRouter:
    """The endpoint that gives class probabilities."""
    router, endpoints = APIRouter(tags=["inference"]), LabelEndpoints(api)
    router.add_api_route(
        "/v1/inference/labels",
        endpoints.classify,
        methods=["POST"],
        response_model=LabelsAnswer,
        responses=problems(401, 403, 404, 409, *BODY_ERRORS),
        openapi_extra=described(LabelsRequest, EXAMPLES),
    )
    return router


def _head(labelling: Labelling, tenant: str, task: str) -> Head:
    """The head of a tenant's task; other tenants' tasks are nobody's business. Raises 409 or 404."""
    if labelling.heads is None:
        raise Problem(
            409,
            "no-heads",
            f"{labelling.model_version} serves, and it brings no heads; `millrace train --recipe head` makes them from "
            "the labels of now, and they serve once the gate has passed them",
        )
    if (head := labelling.heads.heads.get(HeadName(tenant, task))) is None:
        known = labelling.heads.tasks(tenant)
        there_are = f"there are: {', '.join(known)}" if known else "none of your tasks has one"
        raise Problem(
            404,
            "unknown-task",
            f"{labelling.model_version} has no head for this task; {there_are}. A class task gets one by labels of two "
            "classes and `millrace train --recipe head`",
            tasks=known,
        )
    return head


def _read(encoder: Encoder, texts: list[str]) -> Vectors:
    """Vectors of texts as training reads them."""
    return vectors_of_texts(encoder, [text[:READ_CHARACTERS] for text in texts], MAX_WINDOWS)


def _likeliest(head: Head, said: Floats, top_k: int) -> tuple[LabelProbability, ...]:
    order = np.argsort(-said, kind="stable")[:top_k]
    return tuple(LabelProbability(label=head.classes[place], probability=float(said[place])) for place in order)
