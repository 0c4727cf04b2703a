from pathlib import Path

from starlette.testclient import TestClient

from tests.unit.models.serving.api.parts import House, house, talking


def test_a_process_that_answers_is_alive(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "alive"}


def test_ready_names_every_dependency(client: TestClient) -> None:
    body = client.get("/readyz").json()
    assert (body["ready"], body["reasons"], body["notes"]) == (True, [], [])
    assert set(body["dependencies"]) == {"log", "index", "media", "metadata", "model"}


def test_what_is_not_ready_says_why_and_the_rest_still_reports(client: TestClient, mill: House, tmp_path: Path) -> None:
    mill.index.down = "the disk is full"
    (tmp_path / "media" / "media").rmdir()
    response = client.get("/readyz")
    dependencies = response.json()["dependencies"]
    assert response.status_code == 503
    assert dependencies["index"] == {"ready": False, "reason": "the disk is full"}
    assert not dependencies["media"]["ready"]
    assert dependencies["metadata"]["ready"]
    assert response.json()["reasons"][0] == "index: the disk is full"


def test_a_log_that_took_no_record_is_not_ready_until_it_takes_one(client: TestClient, mill: House) -> None:
    mill.broker.down = "no broker"
    client.post("/v1/items", json={"text": "x"})
    assert client.get("/readyz").json()["dependencies"]["log"]["reason"] == "no broker"
    mill.broker.down = None
    client.post("/v1/items", json={"text": "x"})
    assert client.get("/readyz").status_code == 200


def test_others_may_add_dependencies(tmp_path: Path) -> None:
    mill = house(tmp_path, ready=lambda: {"broker": None, "space": "2 % of the disk are free"})
    with talking(mill) as client:
        body = client.get("/readyz").json()
    assert body["reasons"] == ["space: 2 % of the disk are free"]
    assert body["dependencies"]["broker"] == {"ready": True, "reason": None}


def test_metrics_are_in_the_format_of_prometheus(client: TestClient) -> None:
    response = client.get("/v1/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=")
    assert "# TYPE millrace_http_requests_total counter" in response.text
