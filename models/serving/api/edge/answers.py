"""What the endpoints share: JSON answers, and the errors that the documentation names."""

from typing import Any

from pydantic import BaseModel
from starlette.responses import Response

from models.serving.api.edge.problems import MEDIA_TYPE

DESCRIPTIONS = {
    400: "The body cannot be read: not UTF-8, not JSON, NaN or Infinity, nested too deep, broken parts.",
    401: "The API key is missing or unknown.",
    403: "The link is forged or has expired, or a page of another site asked.",
    404: "There is no such thing.",
    408: "The body did not arrive in time.",
    409: "It cannot be done now, or the Idempotency-Key belongs to another request or to one still in progress.",
    413: "Larger than allowed.",
    415: "Send the media type that the endpoint takes, uncompressed.",
    422: "Readable, but wrong: `errors` names each fault.",
    429: "Too many requests are in progress; `Retry-After` says when to come again.",
    500: "A bug.",
    501: "Not in this deployment.",
    503: "The log, the index or a store does not answer; `Retry-After` says when to come again.",
}

MODEL_HEADER = "X-Model-Version"
BODY_ERRORS = (400, 408, 413, 415, 422)


Responses = dict[int | str, dict[str, Any]]
"""Documentation of answers by status."""


def problems(*statuses: int) -> Responses:
    """Documentation of errors, with those that every endpoint has."""
    schema = {"$ref": "#/components/schemas/ProblemDetails"}
    return {
        status: {"description": DESCRIPTIONS[status], "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in sorted({*statuses, 429, 500, 503})
    }


def json_response(body: BaseModel, status: int = 200, model_version: str | None = None) -> Response:
    """The model as JSON, and the encoder that made it where it is not simply the one that serves.

    Called in a thread, as a large answer takes its time.
    """
    headers = None if model_version is None else {MODEL_HEADER: model_version}
    return Response(body.__pydantic_serializer__.to_json(body), status, headers, "application/json")
