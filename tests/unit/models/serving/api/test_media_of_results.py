"""Results link to their media, for browsers."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from models.serving.api.routes.media import exact
from models.vector_index.port import Content, Entry, Part
from schemas.items import Modality
from tests.unit.models.serving.api.parts import House, house, talking

SEARCH = "/v1/retrieval/search"
PNG = b"\x89PNG\r\n\x1a\n and so on"
LENGTHS: dict[str, int] = {}
asked: list[str] = []


def length_of(uri: str) -> int | None:
    asked.append(uri)
    return LENGTHS.get(uri)


@pytest.fixture
def mill(tmp_path: Path) -> House:
    LENGTHS.clear()
    asked.clear()
    return house(tmp_path, length_of=length_of)


def hold_picture(mill: House, uri: str, modality: Modality = Modality.IMAGE) -> None:
    [vector] = mill.encoder.encode_texts(["a cat"])
    part = Part(Modality.TEXT, vector.astype("<f4").tobytes(), "a cat")
    mill.index.apply([Entry("default", "cat", 1, Content(modality, mill.encoder.version, (part,), uri=uri))])


def link(client: TestClient) -> str | None:
    [result] = client.post(SEARCH, json={"query": {"text": "a cat"}}).json()["results"]
    return str(result["media_url"]) if result["media_url"] else None


def test_a_result_links_to_its_medium_and_the_link_gives_it(mill: House) -> None:
    ref = mill.services.media.put(PNG, "image/png")
    LENGTHS[ref.uri] = ref.length
    hold_picture(mill, ref.uri)
    with talking(mill) as client:
        url = link(client)
        assert url is not None
        answer = client.get(url)
    assert (answer.content, answer.headers["content-type"]) == (PNG, "image/png")
    assert answer.headers["content-disposition"] == "inline"


def test_what_is_there_is_looked_up_once_and_what_is_not_again(mill: House) -> None:
    ref = mill.services.media.put(PNG, "image/png")
    hold_picture(mill, ref.uri)
    with talking(mill) as client:
        assert link(client) is None
        LENGTHS[ref.uri] = ref.length
        assert link(client) is not None
        assert link(client) is not None
    assert len(asked) == 2


@pytest.mark.parametrize("uri", ["https://example.org/cat.png", "media/ab/abcd", "media/00/" + "a" * 64])
def test_what_lies_elsewhere_is_not_linked(mill: House, uri: str) -> None:
    LENGTHS[uri] = 5
    hold_picture(mill, uri)
    with talking(mill) as client:
        assert link(client) is None
    assert asked == []


def test_a_text_has_no_medium(client: TestClient, mill: House) -> None:
    mill.hold("default", "deep", "still waters")
    assert link(client) is None


@pytest.mark.parametrize(
    ("declared", "content", "shown"),
    [
        ("image/png", b"whatever", "image/png"),
        ("image/*", b"\xff\xd8\xff\xe0", "image/jpeg"),
        ("image/*", b"RIFF....WEBPVP8 ", "image/webp"),
        ("audio/*", b"RIFF....WAVEfmt ", "audio/wav"),
        ("video/*", b"....ftypisom", "video/mp4"),
        ("image/*", b"<svg onload=alert(1)>", "application/octet-stream"),
        ("image/*", b"....ftypisom", "application/octet-stream"),
    ],
)
def test_the_bytes_show_the_type_where_a_link_leaves_it_open(declared: str, content: bytes, shown: str) -> None:
    assert exact(declared, content) == shown
