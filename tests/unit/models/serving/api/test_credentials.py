from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError
from starlette.testclient import TestClient

from models.serving.api.config import ApiConfig
from tests.unit.models.serving.api.parts import house, name_of, talking


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[TestClient]:
    with talking(house(tmp_path, ApiConfig(api_keys={"red-key": "red"}))) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/items"),
        ("DELETE", "/v1/items/a"),
        ("GET", "/v1/items/a"),
        ("POST", "/v1/retrieval/search"),
        ("POST", "/v1/inference/embeddings"),
        ("GET", "/v1/models"),
    ],
)
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer unknown"}, {"Authorization": "Basic cmVkLWtleQ=="}])
def test_without_a_known_key_everything_about_data_is_401(
    guarded: TestClient, method: str, path: str, headers: dict[str, str]
) -> None:
    response = guarded.request(method, path, headers=headers)
    assert (response.status_code, name_of(response)) == (401, "unauthenticated")
    assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/v1/metrics", "/openapi.json"])
def test_probes_and_the_description_ask_for_no_key(guarded: TestClient, path: str) -> None:
    assert guarded.get(path).status_code == 200


def test_a_known_key_opens_the_door(guarded: TestClient) -> None:
    assert guarded.get("/v1/models", headers={"Authorization": "Bearer red-key"}).status_code == 200


def test_the_description_says_that_keys_are_asked_for(guarded: TestClient) -> None:
    description = guarded.get("/openapi.json").json()
    assert description["paths"]["/v1/models"]["get"]["security"]
    assert "security" not in description["paths"]["/healthz"]["get"]


def test_keys_never_show_in_print() -> None:
    assert "red-key" not in repr(ApiConfig(api_keys={"red-key": "red"}, media_secret="also-secret"))
    assert "secret" not in ApiConfig(media_secret="also-secret").model_dump_json().replace("media_secret", "")


def test_a_tenant_that_cannot_be_a_key_in_the_log_is_refused() -> None:
    with pytest.raises(ValidationError):
        ApiConfig(api_keys={"key": "red/blue"})
