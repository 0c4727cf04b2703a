"""One bounded pool of connections to a Label Studio, tokens of either kind, and foreign errors translated."""

import base64
import json
import threading
from collections.abc import Generator
from typing import Any, TypeVar

import httpx
from pydantic import TypeAdapter, ValidationError

from annotation.label_studio.client.errors import Absent, AlreadyThere, Declined, Invalid
from streams.errors import Misconfigured, Unavailable

CONNECTIONS = 8
CONNECT_TIMEOUT_S = 5.0
LONGEST_DETAIL = 500
NOT_LET_IN = (401, 403)
BUSY = (408, 425, 429)

T = TypeVar("T")
DECLINED: dict[int, type[Declined]] = {400: Invalid, 404: Absent, 409: AlreadyThere}


class TokenAuth(httpx.Auth):
    """Legacy tokens are sent as they are. A personal one buys short-lived access, and buys anew when that has ended."""

    requires_response_body = True

    def __init__(self, url: str, token: str) -> None:
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise Misconfigured("label_studio.token is no token: copy it from the account page of Label Studio")
        self._url, self._token = url, token
        self._access: str | None = None
        self._refreshing = threading.Lock()

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if not is_personal(self._token):
            request.headers["Authorization"] = f"Token {self._token}"
            yield request
            return
        used = self._access
        if used is None:
            used = yield from self._refreshed(None)
        request.headers["Authorization"] = f"Bearer {used}"
        response = yield request
        if response.status_code == httpx.codes.UNAUTHORIZED:
            used = yield from self._refreshed(used)
            request.headers["Authorization"] = f"Bearer {used}"
            yield request

    def _refreshed(self, stale: str | None) -> Generator[httpx.Request, httpx.Response, str | None]:
        with self._refreshing:
            if self._access == stale:
                answer = yield httpx.Request("POST", f"{self._url}/api/token/refresh/", json={"refresh": self._token})
                self._access = _access_in(answer)
            return self._access


class Connection:
    """Sends requests. Raises Unavailable, Misconfigured or Declined, and nothing of the HTTP library's own."""

    def __init__(self, url: str, token: str, timeout_s: float, transport: httpx.BaseTransport | None = None) -> None:
        self.url = url.rstrip("/")
        timeout = httpx.Timeout(timeout_s, connect=min(timeout_s, CONNECT_TIMEOUT_S))
        limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
        auth = TokenAuth(self.url, token)
        self._client = httpx.Client(
            base_url=self.url, auth=auth, timeout=timeout, limits=limits, trust_env=False, transport=transport
        )

    def close(self) -> None:
        self._client.close()

    def send(self, method: str, path: str, *, params: dict[str, Any] | None = None, body: Any = None) -> Any:
        """The JSON of the answer, or None where there is none."""
        what = f"{method} {path}"
        with translated(self.url, what):
            response = self._client.request(method, path, params=params, json=body)
        return answer_of(response, self.url, what)

    def read(
        self, row: type[T], method: str, path: str, *, params: dict[str, Any] | None = None, body: Any = None
    ) -> T:
        """The answer as a row."""
        return shaped(row, self.send(method, path, params=params, body=body))


class translated:  # noqa: N801 - a context manager, read as a word
    """Connection trouble of the HTTP library becomes Unavailable."""

    def __init__(self, url: str, what: str) -> None:
        self._url, self._what = url, what

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL):
            raise Misconfigured(f"label_studio.url is no address: {self._url!r}") from error
        if isinstance(error, httpx.HTTPError):
            trouble = str(error) or type(error).__name__
            raise Unavailable(f"Label Studio at {self._url} does not answer {self._what}: {trouble}") from error


def is_personal(token: str) -> bool:
    """Personal access tokens are JSON web tokens: three parts, the first of which is JSON. Others are plain hex."""
    head, dot, _ = token.partition(".")
    try:
        return bool(dot) and isinstance(json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4))), dict)
    except ValueError:
        return False


def shaped(row: type[T], answer: Any) -> T:
    """What the server said, as a type. A server that says something else is not one that we can work with now."""
    try:
        return TypeAdapter(row).validate_python(answer)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise Unavailable(f"Label Studio's answer is not understood: {place} {first['msg']}") from error


def part(answer: Any, name: str) -> Any:
    """A field of an answer; None where there is none, which `shaped` then refuses."""
    return answer.get(name) if isinstance(answer, dict) else None


def answer_of(response: httpx.Response, url: str, what: str, json_expected: bool = True) -> Any:
    """The JSON of a good answer. Raises what a bad one means."""
    status = response.status_code
    if response.is_success:
        return _json_of(response, url, what) if json_expected else None
    said = _detail(response)
    if status in NOT_LET_IN:
        raise Misconfigured(
            f"Label Studio at {url} does not allow {what} ({status}: {said}); check label_studio.token, and that "
            "tokens of its kind are switched on in the organisation's settings"
        )
    if response.is_redirect:
        place = response.headers.get("Location", "elsewhere")
        raise Misconfigured(f"Label Studio at {url} sends {what} to {place}: correct label_studio.url")
    if status >= httpx.codes.INTERNAL_SERVER_ERROR or status in BUSY:
        raise Unavailable(f"Label Studio at {url} fails at {what} ({status}: {said})")
    raise DECLINED.get(status, Declined)(f"Label Studio declines {what} ({status}: {said})", status)


def _access_in(answer: httpx.Response) -> str | None:
    """None where the token buys nothing: the request goes out all the same, and the 401 that it gets says so."""
    if answer.is_server_error:
        answer.raise_for_status()
    if not answer.is_success:
        return None
    try:
        return str(answer.json()["access"])
    except (ValueError, KeyError, TypeError):
        return None


def _json_of(response: httpx.Response, url: str, what: str) -> Any:
    if not response.content:
        return None
    try:
        return response.json()
    except ValueError as error:
        raise Unavailable(f"what answers {what} at {url} does not speak like Label Studio") from error


def _detail(response: httpx.Response) -> str:
    """The reason in an error's body, shortened."""
    try:
        body = response.json()
    except ValueError:
        return response.reason_phrase
    if not isinstance(body, dict):
        return json.dumps(body)[:LONGEST_DETAIL]
    told = body.get("validation_errors") or body.get("detail") or body
    return (told if isinstance(told, str) else json.dumps(told))[:LONGEST_DETAIL]
