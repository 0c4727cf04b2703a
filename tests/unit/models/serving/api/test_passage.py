"""What every request passes, tried on the middleware alone where time or concurrency matter."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from models.serving.api.config import ApiConfig
from models.serving.api.edge.passage import Passage
from models.serving.api.edge.problems import Problem

Received = Callable[[], Awaitable[dict[str, Any]]]


def test_a_request_id_comes_back(client: TestClient) -> None:
    response = client.get("/v1/models", headers={"X-Request-ID": "abc-123_4.5"})
    assert response.headers["x-request-id"] == "abc-123_4.5"


@pytest.mark.parametrize("given", ["", "x" * 129, "two words", "line\tbreak", "<script>"])
def test_an_unfit_request_id_is_replaced(client: TestClient, given: str) -> None:
    response = client.get("/v1/models", headers={"X-Request-ID": given})
    assert response.headers["x-request-id"] != given
    assert len(response.headers["x-request-id"]) == 32


@pytest.mark.parametrize("path", ["/v1/models", "/healthz", "/v1/nowhere", "/v1/items/unknown"])
def test_every_answer_names_the_model_that_serves(client: TestClient, path: str) -> None:
    assert client.get(path).headers["x-model-version"] == "hashing-384-v1"


def test_requests_are_counted_by_route_and_never_by_path(client: TestClient) -> None:
    client.get("/v1/items/some-long-and-private-name")
    client.get("/v1/private-path")
    numbers = client.get("/v1/metrics").text
    assert 'route="/v1/items/{item_id}",status="404"' in numbers
    assert 'route="unmatched",status="404"' in numbers
    assert "private" not in numbers


def test_a_method_that_nobody_knows_is_not_counted_by_its_name(client: TestClient) -> None:
    client.request("INVENTED", "/v1/models")
    assert "INVENTED" not in client.get("/v1/metrics").text


async def _reads_body(scope: Any, receive: Any, send: Any) -> None:
    content = await Request(scope, receive).body()
    await PlainTextResponse(f"{len(content)}")(scope, receive, send)


def scope(**headers: str) -> dict[str, Any]:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "method": "POST", "path": "/v1/items", "headers": raw, "query_string": b""}


async def nothing(_: Any) -> None:
    """Takes messages and forgets them."""


def test_a_body_that_never_ends_is_given_up() -> None:
    passage = Passage(_reads_body, ApiConfig(body_timeout_s=0.05), lambda: "m")

    async def stalls() -> dict[str, Any]:
        await anyio.sleep_forever()
        return {}

    with pytest.raises(Problem) as timeout:
        asyncio.run(passage(scope(), stalls, nothing))
    assert timeout.value.status_code == 408


def test_the_timeout_is_for_the_whole_body_and_not_for_each_piece() -> None:
    passage = Passage(_reads_body, ApiConfig(body_timeout_s=0.2), lambda: "m")

    async def drips() -> dict[str, Any]:
        await anyio.sleep(0.01)
        return {"type": "http.request", "body": b"x", "more_body": True}

    with pytest.raises(Problem) as timeout:
        asyncio.run(passage(scope(), drips, nothing))
    assert timeout.value.status_code == 408


def test_waiting_for_a_client_to_leave_is_not_a_late_body() -> None:
    async def waits(scope: Any, receive: Any, send: Any) -> None:
        await Request(scope, receive).body()
        with anyio.move_on_after(0.2):
            await receive()
        await PlainTextResponse("done")(scope, receive, send)

    messages = iter([{"type": "http.request", "body": b"x", "more_body": False}])

    async def whole() -> dict[str, Any]:
        for message in messages:
            return message
        await anyio.sleep_forever()
        return {}

    asyncio.run(Passage(waits, ApiConfig(body_timeout_s=0.05), lambda: "m")(scope(), whole, nothing))


def test_beyond_the_limit_requests_are_refused_until_others_have_ended() -> None:
    statuses: list[int] = []

    async def note(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    async def scene() -> None:
        gate = anyio.Event()

        async def held(scope: Any, receive: Any, send: Any) -> None:
            await gate.wait()
            await PlainTextResponse("done")(scope, receive, send)

        passage = Passage(held, ApiConfig(max_in_flight=2), lambda: "m")
        async with anyio.create_task_group() as group:
            for _ in range(2):
                group.start_soon(passage, scope(), nothing, note)
            await anyio.wait_all_tasks_blocked()
            await passage(scope(), nothing, note)
            gate.set()
        await passage(scope(), nothing, note)

    asyncio.run(scene())
    assert statuses == [429, 200, 200, 200]


def test_bodies_in_progress_share_one_bound_on_memory() -> None:
    statuses: list[int] = []

    async def note(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    async def whole() -> dict[str, Any]:
        return {"type": "http.request", "body": b"x" * 60, "more_body": False}

    async def scene() -> None:
        gate = anyio.Event()

        async def held(scope: Any, receive: Any, send: Any) -> None:
            await Request(scope, receive).body()
            await gate.wait()
            await PlainTextResponse("done")(scope, receive, send)

        passage = Passage(held, ApiConfig(max_held_bytes=100), lambda: "m")
        async with anyio.create_task_group() as group:
            group.start_soon(passage, scope(), whole, note)
            await anyio.wait_all_tasks_blocked()
            with pytest.raises(Problem) as refusal:
                await passage(scope(), whole, note)
            statuses.append(refusal.value.status_code)
            gate.set()
        await passage(scope(), whole, note)

    asyncio.run(scene())
    assert statuses == [429, 200, 200]
