"""What only real sockets, a real index and threads that really wait can show."""

import socket
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import pytest

from models.encoders.config import EncoderConfig
from models.encoders.hashing import HashingEncoder
from models.encoders.port import Vectors
from models.serving.api.config import ApiConfig
from models.serving.api.server import ApiServer
from streams.errors import Misconfigured
from streams.topics import SEARCHES
from tests.integration.models.serving.api.edge_house import EdgeHouse
from tests.unit.models.serving.api.parts import house

SEARCH = "/v1/retrieval/search"
QUERY = {"query": {"text": "deep waters"}}
JSON = {"Content-Type": "application/json"}


def test_what_the_index_holds_is_found_and_what_was_withdrawn_is_not(client: httpx.Client, mill: EdgeHouse) -> None:
    mill.hold("deep", "still waters run deep", version=1)
    mill.hold("loud", "deep barrels make noise", version=2)
    assert [one["id"] for one in client.post(SEARCH, json=QUERY).json()["results"]] == ["deep", "loud"]
    mill.forget("deep", version=3)
    assert [one["id"] for one in client.post(SEARCH, json=QUERY).json()["results"]] == ["loud"]
    assert client.get("/v1/items/deep").json()["state"] == "withdrawn"


def test_a_large_upload_arrives_byte_for_byte(client: httpx.Client, mill: EdgeHouse) -> None:
    content = bytes(range(256)) * 4096 * 20
    response = client.post("/v1/items", files={"file": ("large.bin", content, "video/mp4")})
    assert response.status_code == 202
    [fact] = mill.house.facts()
    assert mill.house.services.media.get(fact.media) == content


def test_a_20_mb_record_is_413_and_the_client_hears_it(client: httpx.Client, mill: EdgeHouse) -> None:
    response = client.post("/v1/items", content=b'{"text": "' + b"x" * 20_000_000 + b'"}', headers=JSON)
    assert response.status_code == 413
    assert response.headers["content-type"] == "application/problem+json"
    assert mill.house.facts() == []


def test_a_20_mb_record_that_announces_no_length_is_cut_off_on_the_way(server: ApiServer) -> None:
    sent = 0
    host, port = server.url.removeprefix("http://").split(":")
    lines = ["POST /v1/items HTTP/1.1", f"Host: {host}", "Content-Type: application/json", "Transfer-Encoding: chunked"]
    head = "\r\n".join([*lines, "", ""])
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(head.encode())
        try:
            for _ in range(200):
                connection.sendall(b"186a0\r\n" + b" " * 100_000 + b"\r\n")
                sent += 100_000
        except ConnectionError:
            pass
        answer = _whatever_comes(connection)
    assert b" 413 " in answer.partition(b"\r\n")[0] or sent < 20_000_000


def _whatever_comes(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65_536)
    except ConnectionError:
        return b""


def test_facts_about_searches_are_in_the_log_once_the_server_has_stopped(mill: EdgeHouse) -> None:
    server = ApiServer(mill.house.app, "127.0.0.1", 0)
    server.start()
    answers = [httpx.post(f"{server.url}{SEARCH}", json=QUERY, timeout=30, trust_env=False) for _ in range(20)]
    server.stop()
    assert {str(fact.event_id) for fact in mill.house.facts(SEARCHES)} == {
        answer.json()["impression_id"] for answer in answers
    }


def test_a_stopped_server_answers_nobody(server: ApiServer) -> None:
    assert server.ready() is None
    server.stop()
    assert server.ready() is not None
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{server.url}/healthz", trust_env=False)


def test_a_port_that_is_taken_is_named(server: ApiServer, mill: EdgeHouse) -> None:
    port = int(server.url.rpartition(":")[2])
    with pytest.raises(Misconfigured, match=str(port)):
        ApiServer(mill.house.app, "127.0.0.1", port).start()


def test_no_answer_waits_in_the_kernel_for_company(server: ApiServer) -> None:
    assert server._socket is not None
    assert server._socket.proto == socket.IPPROTO_TCP  # what asyncio looks at before it sets TCP_NODELAY


class SlowEncoder(HashingEncoder):
    """Thinks until told to answer."""

    def __init__(self) -> None:
        super().__init__(EncoderConfig())
        self.asked = threading.Semaphore(0)
        self.answer = threading.Event()

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        self.asked.release()
        self.answer.wait(30)
        return super().encode_texts(texts)


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[tuple[SlowEncoder, ApiServer]]:
    encoder = SlowEncoder()
    server = ApiServer(house(tmp_path, ApiConfig(search_threads=2), encoder=encoder).app, "127.0.0.1", 0)
    server.start()
    yield encoder, server
    encoder.answer.set()
    server.stop()


def embed(server: ApiServer, answers: list[int]) -> threading.Thread:
    def ask() -> None:
        url = f"{server.url}/v1/inference/embeddings"
        answers.append(httpx.post(url, json={"inputs": [{"text": "x"}]}, timeout=60, trust_env=False).status_code)

    thread = threading.Thread(target=ask)
    thread.start()
    return thread


def test_an_encoder_that_thinks_holds_up_neither_probes_nor_publications(slow: tuple[SlowEncoder, ApiServer]) -> None:
    encoder, server = slow
    answers: list[int] = []
    waiting = [embed(server, answers) for _ in range(4)]
    assert encoder.asked.acquire(timeout=30)
    assert encoder.asked.acquire(timeout=30)
    with httpx.Client(base_url=server.url, timeout=30, trust_env=False) as client:
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").status_code == 200
        assert client.post("/v1/items", json={"text": "x"}).status_code == 202
    assert answers == []
    encoder.answer.set()
    for thread in waiting:
        thread.join(30)
    assert answers == [200] * 4


def test_who_gets_no_thread_in_time_is_told_to_come_again(tmp_path: Path) -> None:
    encoder = SlowEncoder()
    config = ApiConfig(search_threads=1, max_wait_s=0.05)
    server = ApiServer(house(tmp_path, config, encoder=encoder).app, "127.0.0.1", 0)
    server.start()
    answers: list[int] = []
    first = embed(server, answers)
    assert encoder.asked.acquire(timeout=30)
    embed(server, answers).join(30)
    assert answers == [429]
    encoder.answer.set()
    first.join(30)
    embed(server, answers).join(30)
    server.stop()
    assert answers == [429, 200, 200]


def test_a_stop_lets_requests_in_progress_end(slow: tuple[SlowEncoder, ApiServer]) -> None:
    encoder, server = slow
    answers: list[int] = []
    waiting = embed(server, answers)
    assert encoder.asked.acquire(timeout=30)
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    encoder.answer.set()
    waiting.join(30)
    stopping.join(30)
    assert answers == [200]
