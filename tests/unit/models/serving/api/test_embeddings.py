import base64
import io

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from models.serving.api.links import MediaLinks
from tests.unit.models.serving.api.parts import House, name_of, problem

EMBED = "/v1/inference/embeddings"


def png(colour: int = 200) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (16, 16), (colour, 0, 0)).save(file, "PNG")
    return file.getvalue()


def in_base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def test_vectors_come_in_the_order_of_the_inputs_whatever_their_modality(client: TestClient, mill: House) -> None:
    inputs = [{"text": "a"}, {"modality": "image", "image_base64": in_base64(png())}, {"id": "z", "text": "b"}]
    answer = client.post(EMBED, json={"inputs": inputs}).json()
    vectors = np.array([one["vector"] for one in answer["embeddings"]], dtype=np.float32)
    assert [one["id"] for one in answer["embeddings"]] == ["0", "1", "z"]
    assert (answer["model"], answer["dim"], vectors.shape) == ("hashing-384-v1", 384, (3, 384))
    np.testing.assert_array_equal(vectors[[0, 2]], mill.encoder.encode_texts(["a", "b"]))
    np.testing.assert_array_equal(vectors[1], mill.encoder.encode_images([png()])[0])


def test_a_picture_in_a_data_url_is_the_picture_itself(client: TestClient, mill: House) -> None:
    url = f"data:image/png;base64,{in_base64(png())}"
    answer = client.post(EMBED, json={"inputs": [{"modality": "image", "image_url": url}]}).json()
    vector = np.array(answer["embeddings"][0]["vector"], dtype=np.float32)
    np.testing.assert_array_equal(vector, mill.encoder.encode_images([png()])[0])


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/a.png", "https://example.org/a.png", "file:///etc/hostname", "media/../secret", "//x/y"]
)
def test_nothing_is_ever_fetched_from_elsewhere(client: TestClient, url: str) -> None:
    response = client.post(EMBED, json={"inputs": [{"modality": "image", "image_url": url}]})
    assert (response.status_code, name_of(response)) == (422, "invalid-image-url")


def test_a_forged_link_is_403(client: TestClient, mill: House) -> None:
    ref = mill.services.media.put(png(), "image/png")
    url = MediaLinks(None, 60).link(ref)
    response = client.post(EMBED, json={"inputs": [{"modality": "image", "image_url": url}]})
    assert (response.status_code, name_of(response)) == (403, "link-refused")


def test_a_picture_that_does_not_decode_is_422(client: TestClient) -> None:
    inputs = [{"modality": "image", "image_base64": in_base64(b"no picture")}]
    assert client.post(EMBED, json={"inputs": inputs}).status_code == 422


def test_another_model_is_404_and_the_answer_names_the_one_that_serves(client: TestClient) -> None:
    response = client.post(EMBED, json={"model": "clip", "inputs": [{"text": "a"}]})
    assert (response.status_code, name_of(response)) == (404, "unknown-model")
    assert problem(response)["models"] == ["hashing-384-v1"]


def test_the_model_may_be_asked_for_by_name(client: TestClient) -> None:
    assert client.post(EMBED, json={"model": "hashing-384-v1", "inputs": [{"text": "a"}]}).status_code == 200


@pytest.mark.parametrize(
    "one",
    [
        {},
        {"text": ""},
        {"modality": "image", "text": "a"},
        {"modality": "text", "image_base64": "AAAA"},
        {"modality": "image", "image_base64": "AAAA", "image_url": "data:,x"},
        {"modality": "audio"},
        {"text": "x" * 20_001},
    ],
)
def test_an_input_that_is_not_exactly_one_thing_is_422(client: TestClient, one: dict[str, str]) -> None:
    assert client.post(EMBED, json={"inputs": [one]}).status_code == 422


@pytest.mark.parametrize("count", [0, 65])
def test_the_number_of_inputs_is_bounded(client: TestClient, count: int) -> None:
    assert client.post(EMBED, json={"inputs": [{"text": "a"}] * count}).status_code == 422


def test_vectors_without_unit_length_are_refused_rather_than_pretended(client: TestClient) -> None:
    assert client.post(EMBED, json={"inputs": [{"text": "a"}], "normalize": False}).status_code == 422
