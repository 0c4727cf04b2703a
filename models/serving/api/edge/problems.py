"""Every error as problem details (RFC 9457), whoever raised it.

What a client can tell apart has a `type` of its own, `urn:millrace:problem:<name>`; the rest is `about:blank`, where
the status says it all. `instance` names the request, and so the line in the log.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, cast

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from pydantic_core import ErrorDetails, to_json
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Scope

from streams.errors import BadRecord, NotYet, Unavailable

logger = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 5
MAX_FAULTS = 100
TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}
"""As RFC 9110 calls them; the standard library has older names."""
TOO_LARGE = frozenset({"media_too_large", "record_too_large", "caption_too_long"})


class Fault(BaseModel):
    """One thing that is wrong with a request."""

    loc: list[str | int]
    """Where: body, query, path or header, and the steps to the value."""
    msg: str
    type: str


class ProblemDetails(BaseModel):
    """An error as RFC 9457 describes it."""

    model_config = ConfigDict(extra="allow")

    type: str
    """`about:blank`, or `urn:millrace:problem:<name>` for errors that a client can tell apart."""
    title: str
    status: int
    detail: str
    """What happened to this request, and what to do."""
    instance: str
    """`urn:millrace:request:<X-Request-ID>`"""
    errors: list[Fault] | None = None
    """Only where the request did not validate."""


class Problem(HTTPException):
    """An error with its own name. `extras` are further members of its details."""

    def __init__(
        self, status: int, name: str, detail: str, headers: Mapping[str, str] | None = None, **extras: object
    ) -> None:
        super().__init__(status, detail, headers)
        self.name = name
        self.extras = extras


def problem_response(scope: Scope, problem: Problem) -> Response:
    """The answer that tells a problem."""
    title = TITLES.get(problem.status_code) or HTTPStatus(problem.status_code).phrase
    body = {
        "type": f"urn:millrace:problem:{problem.name}" if problem.name else "about:blank",
        "title": title,
        "status": problem.status_code,
        "detail": problem.detail or title,
        "instance": f"urn:millrace:request:{scope.get('state', {}).get('request_id', 'unknown')}",
        **problem.extras,
    }
    return Response(to_json(body), problem.status_code, problem.headers, MEDIA_TYPE)


def invalid(faults: Sequence[ErrorDetails] | Sequence[Mapping[str, Any]]) -> Problem:
    """422, with the faults; what was sent is not sent back."""
    errors = [
        Fault(loc=list(fault["loc"]), msg=fault["msg"].removeprefix("Value error, "), type=fault["type"])
        for fault in faults[:MAX_FAULTS]
    ]
    first = errors[0]
    detail = f"{'.'.join(map(str, first.loc))}: {first.msg}"
    return Problem(422, "invalid-request", detail, errors=[error.model_dump() for error in errors])


def unavailable(error: Unavailable) -> Problem:
    return Problem(503, "unavailable", str(error), {"Retry-After": str(RETRY_AFTER_S)})


def handle_problems(app: FastAPI) -> None:
    """Installs a handler for whatever an endpoint may raise."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(Unavailable, _unavailable)
    app.add_exception_handler(BadRecord, _refused)
    app.add_exception_handler(NotYet, _refused)
    app.add_exception_handler(Exception, _bug)


async def _http(request: Request, error: Exception) -> Response:
    error = cast(HTTPException, error)
    if isinstance(error, Problem):
        return problem_response(request.scope, error)
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_allowed(request))
    return problem_response(request.scope, Problem(error.status_code, "", error.detail, headers))


async def _validation(request: Request, error: Exception) -> Response:
    return problem_response(request.scope, invalid(cast(RequestValidationError, error).errors()))


async def _unavailable(request: Request, error: Exception) -> Response:
    logger.warning("unavailable", reason=str(error))
    return problem_response(request.scope, unavailable(cast(Unavailable, error)))


async def _refused(request: Request, error: Exception) -> Response:
    error = cast(BadRecord | NotYet, error)
    status = 413 if error.reason in TOO_LARGE else 422
    problem = Problem(status, error.reason.replace("_", "-"), error.detail or error.reason)
    return problem_response(request.scope, problem)


async def _bug(request: Request, _: Exception) -> Response:
    """The traceback goes to the log, by whoever runs the app."""
    detail = "This is a bug in Millrace; the log has its traceback under this request's id."
    problem = Problem(500, "", detail, request.scope.get("state", {}).get("answer_headers"))
    return problem_response(request.scope, problem)


def _allowed(request: Request) -> list[str]:
    """The methods of all routes at this path, as documented; the router alone names those of the first."""
    path = getattr(request.scope.get("route"), "path_format", "")
    return sorted(method.upper() for method in request.app.openapi()["paths"].get(path, {}))
