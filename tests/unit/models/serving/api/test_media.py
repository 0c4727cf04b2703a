from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from models.serving.api.config import ApiConfig
from models.serving.api.links import LinkRefused, MediaLinks, SignedLink
from schemas.items import MediaRef
from streams.clock import SystemClock
from tests.unit.models.serving.api.parts import House, house, name_of

SECRET = "a secret of the tests"


class At(SystemClock):
    def __init__(self, now: float) -> None:
        self.now = now

    def time(self) -> float:
        return self.now


def stored(mill: House, content: bytes, media_type: str) -> MediaRef:
    return mill.services.media.put(content, media_type)


def links(now: float | None = None) -> MediaLinks:
    return MediaLinks(SecretStr(SECRET), 60, None if now is None else At(now))


@pytest.fixture
def mill(tmp_path: Path) -> House:
    return house(tmp_path, ApiConfig(media_secret=SECRET, api_keys={"key": "red"}))


def test_a_link_gives_the_bytes_and_asks_for_no_key(client: TestClient, mill: House) -> None:
    response = client.get(links().link(stored(mill, b"GIF89a", "image/gif")))
    assert (response.status_code, response.content) == (200, b"GIF89a")
    assert (response.headers["content-type"], response.headers["content-disposition"]) == ("image/gif", "inline")


@pytest.mark.parametrize("media_type", ["text/html", "image/svg+xml", "application/pdf", "application/javascript"])
def test_what_could_run_in_a_browser_is_offered_as_a_download(client: TestClient, mill: House, media_type: str) -> None:
    response = client.get(links().link(stored(mill, b"<script>", media_type)))
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["content-disposition"] == "attachment"
    assert "sandbox" in response.headers["content-security-policy"]
    assert response.headers["x-content-type-options"] == "nosniff"


def test_an_expired_link_is_403(client: TestClient, mill: House) -> None:
    response = client.get(links(now=1_000_000).link(stored(mill, b"old", "text/plain")))
    assert (response.status_code, name_of(response)) == (403, "link-refused")


@pytest.mark.parametrize(("part", "value"), [("length", "4"), ("type", "text/html"), ("expires", "99999999999")])
def test_every_part_of_a_link_is_signed(client: TestClient, mill: House, part: str, value: str) -> None:
    link = urlsplit(links().link(stored(mill, b"new", "text/plain")))
    query = dict(parse_qsl(link.query)) | {part: value}
    assert client.get(link.path, params=query).status_code == 403


def test_a_link_to_other_bytes_is_403(client: TestClient, mill: House) -> None:
    link = urlsplit(links().link(stored(mill, b"new", "text/plain")))
    other = stored(mill, b"another", "text/plain")
    assert client.get(f"/v1/media/{other.sha256}?{link.query}").status_code == 403


def test_a_link_to_bytes_that_are_gone_is_404(client: TestClient, mill: House) -> None:
    ref = stored(mill, b"gone", "text/plain")
    mill.services.media.delete(ref)
    assert client.get(links().link(ref)).status_code == 404


def test_a_link_without_its_signature_is_422(client: TestClient) -> None:
    assert client.get(f"/v1/media/{'0' * 64}").status_code == 422


def test_a_link_works_until_the_second_it_expires() -> None:
    ref = MediaRef(uri="media/aa/x", sha256="a" * 64, length=1, media_type="text/plain")
    link = urlsplit(links(now=100).link(ref))
    said = SignedLink.model_validate(dict(parse_qsl(link.query)) | {"digest": ref.sha256})
    assert links(now=159.9).ref(said).sha256 == ref.sha256
    with pytest.raises(LinkRefused, match="expired"):
        links(now=160).ref(said)


def test_another_secret_makes_other_links() -> None:
    ref = MediaRef(uri="media/aa/x", sha256="a" * 64, length=1, media_type="text/plain")
    assert MediaLinks(None, 60).link(ref) != MediaLinks(None, 60).link(ref)
