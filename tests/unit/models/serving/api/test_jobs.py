from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from models.registry.records import JobState, Progress
from models.serving.api.config import ApiConfig
from schemas.training import TrainingRequested
from streams.topics import TRAINING_REQUESTED
from tests.unit.models.serving.api.parts import House, house, name_of, talking

JOBS = "/v1/train/jobs"


def test_a_request_is_in_the_log_and_can_be_looked_up_at_once(client: TestClient, mill: House) -> None:
    body = {"config_uri": "recipe:default", "overrides": {"steps": 9}, "priority": 3, "notes": "why not"}
    response = client.post(JOBS, json=body)
    accepted = response.json()
    [fact] = mill.facts(TRAINING_REQUESTED)
    assert isinstance(fact, TrainingRequested)
    assert (response.status_code, accepted["status"], accepted["job_id"]) == (202, "queued", fact.job_id)
    assert (fact.cause, fact.recipe, fact.overrides, fact.priority) == ("manual", "default", {"steps": 9}, 3)
    job = client.get(f"{JOBS}/{fact.job_id}").json()
    assert (job["status"], job["cause"], job["overrides"], job["notes"]) == (
        "queued",
        "manual",
        {"steps": 9},
        "why not",
    )
    assert job["progress"]["loss"] in {None, 0.0}


def test_a_request_repeated_under_its_key_is_one_job(client: TestClient, mill: House) -> None:
    answers = [client.post(JOBS, json={}, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert answers[1].headers["idempotency-replayed"] == "true"
    assert len(mill.facts(TRAINING_REQUESTED)) == len(client.get(JOBS).json()["jobs"]) == 1


def test_two_requests_without_a_key_are_two_jobs(client: TestClient) -> None:
    assert len({client.post(JOBS, json={}).json()["job_id"] for _ in range(2)}) == 2
    assert len(client.get(f"{JOBS}?limit=1").json()["jobs"]) == 1


@pytest.mark.parametrize("uri", ["s3://bucket/recipe.yaml", "file:///etc/passwd", "recipe:", "http:x", "a/b", ":x"])
def test_a_configuration_at_an_address_is_refused_in_words(client: TestClient, mill: House, uri: str) -> None:
    response = client.post(JOBS, json={"config_uri": uri})
    assert (response.status_code, name_of(response)) == (422, "invalid-request")
    assert "recipe:NAME" in response.json()["detail"]
    assert mill.facts(TRAINING_REQUESTED) == []


@pytest.mark.parametrize("body", [{"config_uri": "nonsense"}, {"overrides": {"lerning_rate": 1}}])
def test_what_is_no_recipe_is_refused_before_anything_is_published(
    client: TestClient, mill: House, body: dict[str, Any]
) -> None:
    response = client.post(JOBS, json=body)
    assert (response.status_code, name_of(response)) == (422, "invalid-recipe")
    assert mill.facts(TRAINING_REQUESTED) == []


def test_resources_of_a_single_job_are_refused_in_words(client: TestClient) -> None:
    response = client.post(JOBS, json={"resources": {"gpus": 8}})
    assert response.status_code == 422
    assert "whole deployment" in response.json()["detail"]


def test_a_job_that_waits_is_called_off_at_once_and_only_once_matters(client: TestClient) -> None:
    job_id = client.post(JOBS, json={}).json()["job_id"]
    for _ in range(2):
        response = client.delete(f"{JOBS}/{job_id}")
        assert (response.status_code, response.json()["status"]) == (202, "cancelled")


def test_a_job_says_what_it_waits_for_until_it_has_ended(client: TestClient) -> None:
    job_id = client.post(JOBS, json={}).json()["job_id"]
    assert client.get(f"{JOBS}/{job_id}").json()["waits_for"] == "a trainer"
    assert [job["waits_for"] for job in client.get(JOBS).json()["jobs"]] == ["a trainer"]
    assert client.delete(f"{JOBS}/{job_id}").json()["waits_for"] == ""


def test_a_job_that_runs_is_asked_to_end(client: TestClient, mill: House) -> None:
    job_id = client.post(JOBS, json={}).json()["job_id"]
    lease = mill.registry.jobs.claim("me", 60)
    assert lease is not None
    mill.registry.jobs.progress(lease, Progress("training", 3, 10, 0.5, 20.0), 60)
    response = client.delete(f"{JOBS}/{job_id}")
    assert (response.json()["status"], response.json()["cancel_asked"]) == ("running", True)
    assert response.json()["progress"] == {
        "phase": "training",
        "step": 3,
        "steps": 10,
        "loss": 0.5,
        "items_per_s": 20.0,
    }


def test_a_job_that_failed_cannot_be_called_off(client: TestClient, mill: House) -> None:
    job_id = client.post(JOBS, json={}).json()["job_id"]
    lease = mill.registry.jobs.claim("me", 60)
    assert lease is not None
    mill.registry.jobs.fail(lease, "no labels")
    assert client.get(f"{JOBS}/{job_id}").json()["status"] == JobState.FAILED
    assert name_of(client.delete(f"{JOBS}/{job_id}")) == "job-ended"


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_job_that_nobody_asked_for_is_404(client: TestClient, method: str) -> None:
    response = client.request(method, f"{JOBS}/labels/17")
    assert (response.status_code, name_of(response)) == (404, "unknown-job")


def test_a_log_that_is_down_leaves_no_job_behind(client: TestClient, mill: House) -> None:
    mill.broker.down = "no broker"
    assert client.post(JOBS, json={}).status_code == 503
    assert client.get(JOBS).json()["jobs"] == []


def test_where_nothing_is_trained_the_answer_is_501(tmp_path: Path) -> None:
    with talking(house(tmp_path, learning=None)) as client:
        response = client.post(JOBS, json={})
        assert (response.status_code, name_of(response)) == (501, "no-training")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", JOBS),
        ("GET", JOBS),
        ("GET", f"{JOBS}/a"),
        ("DELETE", f"{JOBS}/a"),
        ("POST", "/v1/models/a/promote"),
        ("POST", "/v1/models/rollback"),
        ("POST", "/v1/eval/run"),
        ("POST", "/v1/index/build"),
    ],
)
def test_only_operators_train_and_release_where_some_are_named(tmp_path: Path, method: str, path: str) -> None:
    config = ApiConfig(api_keys={"red-key": "red", "blue-key": "blue"}, operators=frozenset({"blue"}))
    with talking(house(tmp_path, config)) as client:
        red = client.request(method, path, headers={"Authorization": "Bearer red-key"})
        assert (red.status_code, name_of(red)) == (403, "not-an-operator")
        assert client.request(method, path, headers={"Authorization": "Bearer blue-key"}).status_code != 403
