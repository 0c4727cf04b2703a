"""Whose request it is: the tenant comes from the credential alone, never from a path, a query or a body.

Every path asks for a credential unless it is listed here, and before anything of the body is read.
"""

from collections.abc import Mapping, Set
from hashlib import sha256
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from pydantic import SecretStr
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from models.serving.api.edge.origins import from_elsewhere
from models.serving.api.edge.problems import Problem, problem_response
from models.serving.api.links import PATH as MEDIA

LOCAL_TENANT = "default"
OPEN = frozenset({"/healthz", "/readyz", "/v1/metrics", "/openapi.json"})
"""For operators and tools. Links to media carry a signature instead."""

bearer = HTTPBearer(auto_error=False, description="An API key; it names the tenant.")
"""Documents what `Guard` asks for."""


class Guard:
    """Wraps the app; notes the tenant of each request. Without keys everything belongs to the tenant `default`."""

    def __init__(self, app: ASGIApp, api_keys: Mapping[SecretStr, str], operators: Set[str] = frozenset()) -> None:
        self._app = app
        self._operators = operators
        self._tenants = {_digest(key.get_secret_value()): tenant for key, tenant in api_keys.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in OPEN or scope["path"].startswith(f"{MEDIA}/"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if not self._tenants and from_elsewhere(scope["method"], headers):
            detail = (
                "a page of another site asked; where no API key is needed, only this API's own pages may change things"
            )
            refusal = Problem(403, "cross-site", detail, {"Connection": "close"})
            await problem_response(scope, refusal)(scope, receive, send)
            return
        tenant = self._tenant(headers.get("authorization", "")) if self._tenants else LOCAL_TENANT
        if tenant is None:
            detail = "send `Authorization: Bearer <API key>` with a key that is known here"
            refusal = Problem(401, "unauthenticated", detail, {"WWW-Authenticate": "Bearer", "Connection": "close"})
            await problem_response(scope, refusal)(scope, receive, send)
            return
        scope["state"]["tenant"] = tenant
        scope["state"]["operates"] = not self._operators or tenant in self._operators
        await self._app(scope, receive, send)

    def _tenant(self, authorization: str) -> str | None:
        scheme, _, token = authorization.partition(" ")
        return self._tenants.get(_digest(token.strip())) if scheme.lower() == "bearer" else None


async def _noted_tenant(request: Request) -> str:
    return str(request.state.tenant)


Tenant = Annotated[str, Depends(_noted_tenant)]
"""The tenant of a request; only for paths that ask for a credential."""


async def _noted_operates(request: Request) -> bool:
    return bool(request.state.operates)


Operates = Annotated[bool, Depends(_noted_operates)]
"""Whether whoever asks may train and release."""


async def _noted_operator(request: Request) -> str:
    if not request.state.operates:
        raise Problem(403, "not-an-operator", "this key may not train or release; `api.operators` names those that may")
    return str(request.state.tenant)


Operator = Annotated[str, Depends(_noted_operator)]
"""The tenant of a request that only operators may make; it asks for a credential too."""


def _digest(token: str) -> bytes:
    """Digests are looked up instead of tokens, so that the time of a look-up tells nothing about a token."""
    return sha256(token.encode("utf-8", "surrogateescape")).digest()
