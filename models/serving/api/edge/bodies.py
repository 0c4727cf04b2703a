"""Bodies of requests: strict JSON, and uploads in parts.

Strict means valid UTF-8, no NaN and no Infinity, no half surrogates, at most 200 levels deep. The event loop only
collects the bytes; `validated` looks at them in a thread, as a large body takes its time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from models.serving.api.edge.problems import Problem, invalid

M = TypeVar("M", bound=BaseModel)

JSON = "application/json"
MULTIPART = "multipart/form-data"
MAX_PART_BYTES = 2**20
"""Of the part `item`."""


def content_type(headers: Headers) -> str:
    """The media type without its parameters. Raises 415 for a body that is compressed."""
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Problem(415, "unsupported-encoding", "send the body uncompressed")
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def require_type(headers: Headers, *accepted: str) -> str:
    """The request's media type if it is one of these. Raises 415."""
    if (found := content_type(headers)) not in accepted:
        raise Problem(415, "unsupported-media-type", f"send {' or '.join(accepted)}, not {found[:100] or 'nothing'}")
    return found


def parsed(content: bytes) -> Any:
    """The value of strict JSON. Raises 400."""
    try:
        content.decode()
        return from_json(content, allow_inf_nan=False, cache_strings="keys")
    except ValueError as error:
        raise Problem(400, "invalid-json", f"the body is not valid JSON: {str(error)[:200]}") from error


def validated(model: type[M], content: bytes) -> M:
    """The model in a JSON text. Raises 400 or 422."""
    try:
        return model.model_validate(parsed(content))
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        raise invalid([{**fault, "loc": ("body", *fault["loc"])} for fault in faults]) from error


async def json_of(request: Request) -> bytes:
    """The body of a request that must be JSON, not yet looked at. Raises 415."""
    require_type(request.headers, JSON)
    return await request.body()


def described(model: type[BaseModel], examples: Mapping[str, Any]) -> dict[str, Any]:
    """Documentation of a JSON body; the model is among those that `describe` is told of."""
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"requestBody": {"required": True, "content": {JSON: {"schema": schema, "examples": examples}}}}


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came as a part, and the JSON that came with it."""

    file: UploadFile
    """Spooled to disk if it is large; whoever gets it closes it."""
    description: bytes
    """The part `item`; `{}` if it was left out."""


async def upload_of(request: Request) -> Upload:
    """The parts `file` and `item` of a multipart body. Raises 400 or 422."""
    form = await _form(request)
    file, description = form.get("file"), form.get("item", "{}")
    if unknown := sorted(form.keys() - {"file", "item"}):
        fault = _fault(unknown[0], "there is no such part; send `file` and `item`")
    elif len(form) != len(form.multi_items()):
        fault = _fault("file", "send each part once")
    elif not isinstance(file, UploadFile):
        fault = _fault("file", "the part `file` is missing, or has no filename")
    elif isinstance(description, UploadFile):
        fault = _fault("item", "send this part without a filename")
    else:
        return Upload(file, description.encode("latin-1"))
    await form.close()
    raise invalid([fault])


async def _form(request: Request) -> FormData:
    """The parts, with text read as Latin-1: that loses nothing, and the JSON parser sees the bytes as they came."""
    _, options = parse_options_header(request.headers["content-type"])
    boundary = options.get(b"boundary", b"").decode("latin-1")
    headers = Headers({"content-type": f'{MULTIPART}; boundary="{boundary}"; charset=latin-1'})
    parser = WholeParts(headers, request.stream(), max_files=2, max_fields=2, max_part_size=MAX_PART_BYTES)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise Problem(400, "invalid-multipart", error.message) from error
    if not parser.whole:
        await form.close()
        raise Problem(400, "invalid-multipart", "the body ends before its last boundary")
    return form


class WholeParts(MultiPartParser):
    """Knows whether the last boundary came; without it, parts may be missing."""

    whole = False

    def on_end(self) -> None:
        self.whole = True


def _fault(part: str, message: str) -> dict[str, Any]:
    return {"loc": ("body", part), "msg": message, "type": "invalid_part"}
