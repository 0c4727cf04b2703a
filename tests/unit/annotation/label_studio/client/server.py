"""A Label Studio of a few lines, for what a real one does not do on demand."""

import json
from collections.abc import Callable, Iterable
from typing import Any

import httpx

from annotation.label_studio.client.label_studio import LabelStudio

Answer = httpx.Response | Exception
URL = "http://studio.example"
LEGACY = "0123456789abcdef0123456789abcdef01234567"
PERSONAL = "eyJhbGciOiJIUzI1NiJ9.eyJ0b2tlbl90eXBlIjoicmVmcmVzaCJ9.c2lnbmF0dXJl"


class Scripted:
    """Gives the answers in turn and keeps the requests."""

    def __init__(self, answers: Iterable[Answer] | Callable[[httpx.Request], Answer]) -> None:
        self._answers = answers if callable(answers) else iter(answers)
        self.requests: list[httpx.Request] = []
        self.authorizations: list[str | None] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.authorizations.append(request.headers.get("Authorization"))  # a request sent again is the same object
        answer = self._answers(request) if callable(self._answers) else next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def client(self, token: str = LEGACY) -> LabelStudio:
        return LabelStudio(URL, token, transport=httpx.MockTransport(self))

    def query(self, number: int) -> Any:
        """What a request asked the task list for, wherever it stood."""
        request = self.requests[number]
        return json.loads(request.url.params.get("query") or request.content)


def says(status: int, body: Any = None) -> httpx.Response:
    return httpx.Response(status, json=body) if body is not None else httpx.Response(status)


def tasks(*rows: dict[str, Any]) -> httpx.Response:
    return says(200, {"total": len(rows), "tasks": list(rows)})
