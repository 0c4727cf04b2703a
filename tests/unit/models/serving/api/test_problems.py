"""Whatever is wrong with a request, the answer is problem details with a status below 500."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from models.metadata.idempotency import IdempotencyKeys
from models.serving.api.config import ApiConfig
from models.vector_index.port import Candidate
from tests.unit.models.serving.api.parts import DictIndex, House, database, house, name_of, problem, talking

SEARCH = "/v1/retrieval/search"
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("body", [b'{"query": {"text": "x"}, "k": NaN}', b'{"hybrid": {"bm25_weight": -Infinity}}'])
def test_nan_and_infinity_are_not_json(client: TestClient, body: bytes) -> None:
    response = client.post(SEARCH, content=body, headers=JSON)
    assert (response.status_code, name_of(response)) == (400, "invalid-json")


def test_a_number_beyond_all_floats_is_refused(client: TestClient) -> None:
    body = b'{"query": {"text": "x"}, "hybrid": {"bm25_weight": 1e999}}'
    assert client.post(SEARCH, content=body, headers=JSON).status_code in {400, 422}


@pytest.mark.parametrize("path", [SEARCH, "/v1/items", "/v1/inference/embeddings"])
@pytest.mark.parametrize(
    "body",
    [b'{"text": "\xff\xfe"}', b"[" * 100_000, b'{"text": "\\ud800"}', b"{", b"", b'{"text": "x"} trailing'],
    ids=["invalid UTF-8", "deep", "half a surrogate", "cut short", "empty", "trailing"],
)
def test_what_is_not_json_is_refused(client: TestClient, path: str, body: bytes) -> None:
    response = client.post(path, content=body, headers=JSON)
    assert response.status_code in {400, 422}
    problem(response)


@pytest.mark.parametrize("path", [SEARCH, "/v1/items"])
@pytest.mark.parametrize("body", [b"null", b"[]", b'"text"', b"7"])
def test_json_that_is_no_object_is_422(client: TestClient, path: str, body: bytes) -> None:
    assert client.post(path, content=body, headers=JSON).status_code == 422


@pytest.mark.parametrize("path", [SEARCH, "/v1/items"])
def test_another_media_type_is_415(client: TestClient, path: str) -> None:
    response = client.post(path, content=b"text=x", headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert (response.status_code, name_of(response)) == (415, "unsupported-media-type")


@pytest.mark.parametrize("path", [SEARCH, "/v1/items"])
def test_a_body_without_a_type_is_415(client: TestClient, path: str) -> None:
    assert client.post(path, content=b"{}").status_code == 415


def test_a_compressed_body_is_415(client: TestClient) -> None:
    response = client.post(SEARCH, content=b"{}", headers=JSON | {"Content-Encoding": "gzip"})
    assert (response.status_code, name_of(response)) == (415, "unsupported-encoding")


def test_every_fault_of_a_body_is_named_and_nothing_sent_is_sent_back(client: TestClient) -> None:
    response = client.post(SEARCH, json={"query": {"text": "secret words", "modality": "smell"}, "k": 0})
    details = problem(response)
    assert response.status_code == 422
    assert {tuple(error["loc"]) for error in details["errors"]} == {("body", "query", "modality"), ("body", "k")}
    assert "secret words" not in response.text


def test_a_million_faults_are_told_in_a_hundred(client: TestClient) -> None:
    body = json.dumps({f"field {place}": 1 for place in range(200_000)})
    response = client.post(SEARCH, content=body, headers=JSON)
    assert (response.status_code, len(problem(response)["errors"])) == (422, 100)


def test_an_unknown_path_is_404(client: TestClient) -> None:
    assert problem(client.get("/v1/nowhere"))["type"] == "about:blank"


def test_a_path_with_a_slash_too_many_is_404_and_no_redirect(client: TestClient) -> None:
    assert client.get("/healthz/", follow_redirects=False).status_code == 404


def test_another_method_is_405_and_names_those_that_work(client: TestClient) -> None:
    response = client.put("/v1/items/a")
    assert (problem(response)["status"], response.headers["allow"]) == (405, "DELETE, GET")


def test_a_20_mb_record_is_413(client: TestClient, mill: House) -> None:
    body = json.dumps({"text": "x" * 20_000_000})
    response = client.post("/v1/items", content=body, headers=JSON)
    assert (response.status_code, name_of(response)) == (413, "body-too-large")
    assert mill.facts() == []


@pytest.fixture
def small(tmp_path: Path) -> Iterator[TestClient]:
    config = ApiConfig(max_json_bytes=1000, max_upload_bytes=5000)
    with talking(house(tmp_path, config)) as client:
        yield client


def test_a_body_that_announces_no_length_is_cut_off_while_it_streams(small: TestClient) -> None:
    sent = []

    def chunks() -> Iterator[bytes]:
        for place in range(100):
            sent.append(place)
            yield b" " * 100

    assert small.post("/v1/items", content=chunks(), headers=JSON).status_code == 413


def test_uploads_have_a_limit_of_their_own(small: TestClient) -> None:
    assert small.post("/v1/items", files={"file": ("a", b"x" * 3000)}).status_code == 202
    assert small.post("/v1/items", files={"file": ("a", b"x" * 6000)}).status_code == 413


def test_a_lie_about_the_length_does_not_get_past_the_limit(small: TestClient) -> None:
    headers = JSON | {"Content-Length": "10"}
    assert small.post("/v1/items", content=iter([b" " * 2000]), headers=headers).status_code == 413


def test_an_index_that_is_down_is_503(client: TestClient, mill: House) -> None:
    mill.index.down = "the disk is full"
    for response in (client.post(SEARCH, json={"query": {"text": "x"}}), client.get("/v1/items/a")):
        assert (response.status_code, problem(response)["detail"]) == (503, "the disk is full")
        assert "retry-after" in response.headers


def test_a_metadata_database_that_is_down_is_503(tmp_path: Path) -> None:
    engine = database(tmp_path, busy_timeout_s=0.05)
    mill = house(tmp_path, keys=IdempotencyKeys(engine))
    with talking(mill) as client, engine.begin():  # somebody keeps the write lock
        response = client.post("/v1/items", json={"text": "x"}, headers={"Idempotency-Key": "k"})
    assert (response.status_code, name_of(response)) == (503, "unavailable")
    assert mill.facts() == []


def test_a_media_store_that_is_gone_is_503(client: TestClient, mill: House, tmp_path: Path) -> None:
    (tmp_path / "media" / "media").rmdir()
    response = client.post("/v1/items", files={"file": ("a", b"a")})
    assert (response.status_code, name_of(response)) == (503, "unavailable")
    assert mill.facts() == []


class Broken(DictIndex):
    """An index with a bug."""

    def search(self, *_: object) -> list[Candidate]:
        raise ZeroDivisionError


def test_a_bug_is_500_with_the_request_id_and_without_its_traceback(tmp_path: Path) -> None:
    mill = house(tmp_path, index=Broken())
    with talking(mill, raise_server_exceptions=False) as client:
        response = client.post(SEARCH, json={"query": {"text": "x"}})
    assert problem(response)["status"] == 500
    assert "ZeroDivision" not in response.text
