"""A page of another site cannot make a browser change anything here."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from models.serving.api.config import ApiConfig
from tests.unit.models.serving.api.parts import House, house, name_of, talking

FOREIGN = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:9999"},
]
OWN = [{"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {"Origin": "http://127.0.0.1"}, {}]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_a_form_of_another_site_publishes_nothing(client: TestClient, mill: House, headers: dict[str, str]) -> None:
    response = client.post("/v1/items", files={"file": ("a.gif", b"GIF89a")}, headers=headers)
    assert (response.status_code, name_of(response)) == (403, "cross-site")
    assert mill.facts() == []


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_another_site_withdraws_nothing(client: TestClient, mill: House, headers: dict[str, str]) -> None:
    assert client.delete("/v1/items/a", headers=headers).status_code == 403
    assert mill.facts() == []


@pytest.mark.parametrize("headers", OWN, ids=str)
def test_programs_and_own_pages_publish(client: TestClient, headers: dict[str, str]) -> None:
    assert client.post("/v1/items", json={"text": "x"}, headers=headers).status_code == 202


def test_reading_is_left_to_the_browser(client: TestClient) -> None:
    assert client.get("/v1/models", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


def test_who_brings_a_key_was_let_in_by_it(tmp_path: Path) -> None:
    with talking(house(tmp_path, ApiConfig(api_keys={"key": "red"}))) as client:
        headers = {"Authorization": "Bearer key", "Origin": "https://shop.example"}
        assert client.post("/v1/items", json={"text": "x"}, headers=headers).status_code == 202


@pytest.mark.parametrize("path", ["/v1/items", "/v1/feedback", "/v1/retrieval/search", "/v1/inference/embeddings"])
@pytest.mark.parametrize("simple", ["text/plain", "application/x-www-form-urlencoded"])
def test_no_endpoint_takes_what_a_page_may_send_unasked(client: TestClient, path: str, simple: str) -> None:
    assert client.post(path, content=b'{"text": "x"}', headers={"Content-Type": simple}).status_code == 415
