import base64
import json

from starlette.testclient import TestClient

from schemas.items import ItemPublished, ItemWithdrawn, Modality, WithdrawalMode
from tests.unit.models.serving.api.parts import House, json_part, name_of, problem

PICTURE = b"GIF89a not really a picture, but nobody looks before curation does"


def test_a_published_text_is_in_the_log_when_it_is_accepted(client: TestClient, mill: House) -> None:
    response = client.post("/v1/items", json={"item_id": "a/1", "text": "still waters", "language": "en"})
    assert response.status_code == 202
    [fact] = mill.facts()
    assert isinstance(fact, ItemPublished)
    assert (fact.item_id, fact.text, fact.language, fact.modality) == ("a/1", "still waters", "en", Modality.TEXT)
    assert response.json() == {"item_id": "a/1", "event_id": str(fact.event_id), "status": "accepted"}


def test_an_item_without_an_id_gets_one(client: TestClient, mill: House) -> None:
    response = client.post("/v1/items", json={"text": "nameless"})
    assert response.json()["item_id"] == mill.facts()[0].item_id


def test_a_medium_in_base64_goes_to_the_store_and_its_reference_to_the_log(client: TestClient, mill: House) -> None:
    body = {"media": {"base64": base64.b64encode(PICTURE).decode(), "media_type": "image/gif"}, "text": "a caption"}
    assert client.post("/v1/items", json=body).status_code == 202
    [fact] = mill.facts()
    assert isinstance(fact, ItemPublished)
    assert fact.media is not None
    assert (fact.media.media_type, fact.text) == ("image/gif", "a caption")
    assert mill.services.media.get(fact.media) == PICTURE


def test_an_uploaded_file_goes_the_same_way(client: TestClient, mill: House) -> None:
    files = {"file": ("pixel.gif", PICTURE, "image/gif")}
    response = client.post("/v1/items", files=files, data=json_part(item_id="pixel", tags=["small"]))
    assert response.status_code == 202
    [fact] = mill.facts()
    assert isinstance(fact, ItemPublished)
    assert fact.media is not None
    assert (fact.item_id, fact.tags, fact.media.media_type) == ("pixel", ("small",), "image/gif")
    assert mill.services.media.get(fact.media) == PICTURE


def test_a_file_needs_no_description(client: TestClient) -> None:
    assert client.post("/v1/items", files={"file": ("pixel.gif", PICTURE, "image/gif")}).status_code == 202


def test_a_long_text_travels_by_reference(client: TestClient, mill: House) -> None:
    text = "word " * 60_000
    assert client.post("/v1/items", json={"text": text}).status_code == 202
    [fact] = mill.facts()
    assert isinstance(fact, ItemPublished)
    assert fact.text is None
    assert fact.media is not None
    assert mill.services.media.get(fact.media) == text.encode()


def test_a_caption_too_long_for_a_record_is_413(client: TestClient) -> None:
    body = {"text": "word " * 60_000, "media": {"base64": "AAAA"}}
    assert client.post("/v1/items", json=body).status_code == 413


def test_attributes_too_large_for_a_record_are_413(client: TestClient) -> None:
    body = {"text": "small", "attributes": {"notes": "x" * 2**20}}
    response = client.post("/v1/items", json=body)
    assert (response.status_code, name_of(response)) == (413, "record-too-large")


def test_an_item_without_text_and_media_is_422(client: TestClient) -> None:
    response = client.post("/v1/items", json={"item_id": "empty"})
    assert problem(response)["errors"][0]["msg"] == "an item needs text or media"


def test_an_unknown_field_is_422_and_named(client: TestClient) -> None:
    response = client.post("/v1/items", json={"text": "x", "langauge": "en"})
    assert problem(response)["errors"][0]["loc"] == ["body", "langauge"]


def test_broken_base64_is_422(client: TestClient) -> None:
    response = client.post("/v1/items", json={"media": {"base64": "not base64!"}})
    assert (response.status_code, name_of(response)) == (422, "invalid-base64")


def test_an_upload_with_an_unknown_part_is_422(client: TestClient) -> None:
    response = client.post("/v1/items", files={"file": ("a", b"a"), "other": ("b", b"b")})
    assert problem(response)["errors"][0]["loc"] == ["body", "other"]


def test_an_upload_without_a_file_is_422(client: TestClient) -> None:
    response = client.post("/v1/items", files={"item": (None, "{}")})
    assert problem(response)["errors"][0]["loc"] == ["body", "file"]


def test_a_description_in_an_upload_that_is_not_utf_8_is_400(client: TestClient) -> None:
    files = {"file": ("a", b"a"), "item": (None, b'{"text": "caf\xe9"}')}
    response = client.post("/v1/items", files=files)
    assert (response.status_code, name_of(response)) == (400, "invalid-json")


def test_an_upload_cut_short_is_400(client: TestClient, mill: House) -> None:
    content = b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nhalf a fi'
    headers = {"Content-Type": "multipart/form-data; boundary=edge"}
    response = client.post("/v1/items", content=content, headers=headers)
    assert (response.status_code, name_of(response)) == (400, "invalid-multipart")
    assert mill.facts() == []


def test_a_withdrawal_is_in_the_log_when_it_is_accepted(client: TestClient, mill: House) -> None:
    response = client.delete("/v1/items/folder/name.png")
    assert response.status_code == 202
    [fact] = mill.facts()
    assert isinstance(fact, ItemWithdrawn)
    assert (fact.item_id, fact.mode, fact.version) == ("folder/name.png", WithdrawalMode.DELETE, None)
    assert response.json()["event_id"] == str(fact.event_id)


def test_any_item_id_can_be_withdrawn(client: TestClient, mill: House) -> None:
    client.delete("/v1/items/%2Fa%2F%2e%2e%0Aline%00end%20%E6%B0%B4%0A")
    assert mill.facts()[0].item_id == "/a/..\nline\0end 水\n"


def test_erasing_is_a_withdrawal_that_says_so(client: TestClient, mill: House) -> None:
    client.delete("/v1/items/a?erase=true")
    [fact] = mill.facts()
    assert isinstance(fact, ItemWithdrawn)
    assert fact.mode == WithdrawalMode.ERASE


def test_facts_carry_the_trace_of_their_request(client: TestClient, mill: House) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    client.post("/v1/items", json={"text": "x"}, headers={"traceparent": trace})
    assert mill.facts()[0].traceparent == trace


def test_an_invalid_trace_starts_a_new_one(client: TestClient, mill: House) -> None:
    client.post("/v1/items", json={"text": "x"}, headers={"traceparent": "00-nonsense"})
    assert mill.facts()[0].traceparent.startswith("00-")


def test_an_indexed_item_tells_its_version_and_its_model(client: TestClient, mill: House) -> None:
    mill.hold("default", "folder/a", "still waters", version=7)
    assert client.get("/v1/items/folder/a").json() == {
        "item_id": "folder/a",
        "state": "indexed",
        "version": 7,
        "model_version": "hashing-384-v1",
        "parts": 1,
    }


def test_a_withdrawn_item_says_so(client: TestClient, mill: House) -> None:
    mill.forget("default", "a", version=9)
    status = client.get("/v1/items/a").json()
    assert (status["state"], status["version"], status["model_version"]) == ("withdrawn", 9, None)


def test_an_item_that_nobody_indexed_is_404(client: TestClient) -> None:
    response = client.get("/v1/items/nowhere")
    assert (response.status_code, name_of(response)) == (404, "unknown-item")


def test_a_log_that_is_down_is_503_with_a_time_to_come_again(client: TestClient, mill: House) -> None:
    mill.broker.down = "no broker"
    response = client.post("/v1/items", json={"text": "x"})
    assert (response.status_code, name_of(response)) == (503, "unavailable")
    assert int(response.headers["retry-after"]) > 0
    assert "no broker" in problem(response)["detail"]


def test_what_the_log_did_not_take_can_be_published_once_it_is_back(client: TestClient, mill: House) -> None:
    headers = {"Idempotency-Key": "k"}
    mill.broker.down = "no broker"
    client.post("/v1/items", json={"text": "x"}, headers=headers)
    mill.broker.down = None
    assert client.post("/v1/items", json={"text": "x"}, headers=headers).status_code == 202
    assert len(mill.facts()) == 1


def test_text_with_every_kind_of_character_arrives_unchanged(client: TestClient, mill: House) -> None:
    text = "naïve — 水車 🌾 \u202e\u0000 end"
    client.post("/v1/items", content=json.dumps({"text": text}), headers={"Content-Type": "application/json"})
    assert mill.facts()[0].text == text
