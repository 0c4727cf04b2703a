from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from models.encoders.config import EncoderConfig
from models.encoders.hashing import HashingEncoder
from models.heads.bundle import HeadBundle, HeadName
from models.heads.linear import Head, fit_head, pool_moments
from models.serving.api.config import ApiConfig
from models.serving.live.encoders import LiveEncoders
from models.serving.search import SearchService
from tests.unit.models.serving.api.parts import DictIndex, House, house, name_of, problem, talking
from tests.unit.models.serving.api.test_embeddings import in_base64, png
from trainers.snapshots.config import SnapshotConfig

LABELS = "/v1/inference/labels"
TEXTS = ("a late goal in the league", "the choir sang", "the minister lost the vote", "a goal", "a choir", "a vote")
CLASSES = ("sport", "arts", "news") * 2
ENCODER = HashingEncoder(EncoderConfig())


def head(temperature: float = 1.0, texts: tuple[str, ...] = TEXTS, labels: tuple[str, ...] = CLASSES) -> Head:
    vectors = ENCODER.encode_texts(texts)
    fitted = fit_head(vectors, labels, None, *pool_moments(vectors))
    return Head(fitted.classes, fitted.weights, fitted.bias, fitted.mean, fitted.scale, temperature)


HEADS = {
    HeadName("default", "topic"): head(2.0),
    HeadName("default", "tone"): head(),
    HeadName("acme", "secret"): head(),
}


def mill_of(folder: Path, heads: HeadBundle | None, config: ApiConfig | None = None) -> House:
    index = DictIndex()
    search = SearchService(LiveEncoders.of(ENCODER, heads=heads), index)
    return house(folder, config, encoder=ENCODER, index=index, search=search)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with talking(mill_of(tmp_path, HeadBundle(ENCODER.version, HEADS))) as client:
        yield client


def ask(client: TestClient, *inputs: dict[str, Any], task: str = "topic", **others: Any) -> Any:
    return client.post(LABELS, json={"task": task, "inputs": inputs or ({"text": TEXTS[0]},)} | others)


def test_the_likeliest_classes_come_first_in_the_order_of_the_inputs(client: TestClient) -> None:
    answer = ask(client, *({"text": text} for text in TEXTS[:3]), {"id": "z", "text": "a goal"}).json()
    assert [one["id"] for one in answer["results"]] == ["0", "1", "2", "z"]
    assert [one["labels"][0]["label"] for one in answer["results"]] == ["sport", "arts", "news", "sport"]
    for one in answer["results"]:
        probabilities = [each["probability"] for each in one["labels"]]
        assert probabilities == sorted(probabilities, reverse=True)
        assert sum(probabilities) == pytest.approx(1)


def test_the_answer_names_model_generation_and_task(client: TestClient) -> None:
    response = ask(client)
    answer = response.json()
    assert (answer["model"], answer["generation"], answer["task"]) == (ENCODER.version, 0, "topic")
    assert response.headers["x-model-version"] == ENCODER.version


def test_the_probabilities_are_tempered(client: TestClient) -> None:
    [result] = ask(client).json()["results"]
    said = HEADS[HeadName("default", "topic")].probabilities(ENCODER.encode_texts(TEXTS[:1]), temperature=True)
    assert result["labels"][0]["probability"] == pytest.approx(float(said.max()))
    [sure] = ask(client, task="tone").json()["results"]
    assert sure["labels"][0]["probability"] > result["labels"][0]["probability"]


def test_only_so_many_classes_are_told_as_are_wanted(client: TestClient) -> None:
    [result] = ask(client, top_k=1).json()["results"]
    assert [each["label"] for each in result["labels"]] == ["sport"]
    [result] = ask(client, top_k=1000).json()["results"]
    assert len(result["labels"]) == 3


@pytest.mark.parametrize("top_k", [0, 1001, "many", None])
def test_how_many_classes_is_bounded(client: TestClient, top_k: object) -> None:
    assert ask(client, top_k=top_k).status_code == 422


def test_a_picture_is_seen(client: TestClient) -> None:
    picture = {"modality": "image", "image_base64": in_base64(png())}
    answer = ask(client, {"text": "a goal"}, picture, {"text": "a vote"}).json()
    said = HEADS[HeadName("default", "topic")].probabilities(ENCODER.encode_images([png()]), temperature=True)
    assert [one["labels"][0]["label"] for one in answer["results"]][::2] == ["sport", "news"]
    assert answer["results"][1]["labels"][0]["probability"] == pytest.approx(float(said.max()))


def test_a_long_text_is_read_as_training_reads_it(client: TestClient) -> None:
    long = " ".join(["goal"] * 300 + ["choir"] * 300)
    windows = ENCODER.encode_texts(ENCODER.split(long[: SnapshotConfig().text_chars]))
    assert len(windows) > 1
    mean = windows.mean(axis=0, keepdims=True)
    said = HEADS[HeadName("default", "topic")].probabilities(
        (mean / np.linalg.norm(mean)).astype(np.float32), temperature=True
    )
    [result] = ask(client, {"text": long}).json()["results"]
    assert result["labels"][0]["probability"] == pytest.approx(float(said.max()))


def test_what_snapshots_do_not_keep_of_a_text_counts_for_nothing(client: TestClient) -> None:
    beginning = " ".join(["goal"] * 400)[: SnapshotConfig().text_chars]
    short, long = ask(client, {"text": beginning}, {"text": beginning + " choir" * 500}).json()["results"]
    assert short["labels"] == long["labels"]


def test_a_text_without_words_is_answered_too(client: TestClient) -> None:
    assert ask(client, {"text": " \n "}).status_code == 200


def test_an_unknown_task_is_404_and_the_answer_names_those_that_there_are(client: TestClient) -> None:
    response = ask(client, task="colour")
    assert (response.status_code, name_of(response)) == (404, "unknown-task")
    assert problem(response)["tasks"] == ["tone", "topic"]
    assert "there are: tone, topic" in problem(response)["detail"]


def test_where_no_heads_serve_it_says_how_to_come_by_some(tmp_path: Path) -> None:
    with talking(mill_of(tmp_path, None)) as client:
        response = ask(client)
        assert (response.status_code, name_of(response)) == (409, "no-heads")
        assert "millrace train --recipe head" in problem(response)["detail"]


def test_a_tenant_sees_its_own_tasks_only(tmp_path: Path) -> None:
    keys = {SecretStr("theirs"): "acme", SecretStr("ours"): "default", SecretStr("new"): "other"}
    mill = mill_of(tmp_path, HeadBundle(ENCODER.version, HEADS), ApiConfig(api_keys=keys))
    with talking(mill) as client:

        def asked(key: str, task: str) -> Any:
            body = {"task": task, "inputs": [{"text": "a goal"}]}
            return client.post(LABELS, json=body, headers={"authorization": f"Bearer {key}"})

        assert asked("theirs", "secret").status_code == 200
        assert problem(asked("ours", "secret"))["tasks"] == ["tone", "topic"]
        assert problem(asked("theirs", "topic"))["tasks"] == ["secret"]
        assert problem(asked("new", "topic"))["tasks"] == []
        assert "secret" not in asked("new", "topic").text
        assert client.post(LABELS, json={"task": "topic", "inputs": [{"text": "a"}]}).status_code == 401


@pytest.mark.parametrize("one", [{}, {"text": ""}, {"modality": "image", "text": "a"}, {"modality": "audio"}])
def test_an_input_that_is_not_exactly_one_thing_is_422(client: TestClient, one: dict[str, str]) -> None:
    assert ask(client, one).status_code == 422


@pytest.mark.parametrize("count", [0, 65])
def test_the_number_of_inputs_is_bounded(client: TestClient, count: int) -> None:
    assert client.post(LABELS, json={"task": "topic", "inputs": [{"text": "a"}] * count}).status_code == 422


def test_nothing_is_ever_fetched_from_elsewhere(client: TestClient) -> None:
    response = ask(client, {"modality": "image", "image_url": "https://example.org/a.png"})
    assert (response.status_code, name_of(response)) == (422, "invalid-image-url")
