"""Whose request it is: the tenant comes from the credential alone, never from a path, a query or a body."""

from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import SecretStr

from models.serving.api.edge.problems import Problem

LOCAL_TENANT = "default"

Authenticate = Callable[..., Awaitable[None]]


def authenticate(api_keys: Mapping[SecretStr, str]) -> Authenticate:
    """The dependency that notes a request's tenant: `default` where no keys are configured."""
    if not api_keys:
        return _local
    tenants = {_digest(key.get_secret_value()): tenant for key, tenant in api_keys.items()}
    bearer = HTTPBearer(auto_error=False, description="An API key; it names the tenant.")

    async def by_key(
        request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)]
    ) -> None:
        found = tenants.get(_digest(credentials.credentials)) if credentials else None
        if found is None:
            detail = "the API key is unknown" if credentials else "send `Authorization: Bearer <API key>`"
            raise Problem(401, "unauthenticated", detail, {"WWW-Authenticate": "Bearer"})
        request.state.tenant = found

    return by_key


async def _local(request: Request) -> None:
    request.state.tenant = LOCAL_TENANT


async def _noted_tenant(request: Request) -> str:
    return str(request.state.tenant)


Tenant = Annotated[str, Depends(_noted_tenant)]
"""The tenant of an authenticated request; only for routes behind `authenticate`."""


def _digest(token: str) -> bytes:
    """Digests are looked up instead of tokens, so that the time of a look-up tells nothing about a token."""
    return sha256(token.encode("utf-8", "surrogateescape")).digest()
