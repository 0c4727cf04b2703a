from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from schemas.items import EmbeddedPart, ItemEmbedded, ItemPublished, MediaRef, Modality

MEDIA = MediaRef(uri="media/00/0", sha256="0" * 64, length=0, media_type="image/png")


def embedded(*vectors: bytes) -> ItemEmbedded:
    parts = tuple(EmbeddedPart(part=i, modality=Modality.TEXT, vector=vector) for i, vector in enumerate(vectors))
    return ItemEmbedded(
        item_id="a",
        version=1,
        modality=Modality.TEXT,
        model_version="m",
        dim=2,
        parts=parts,
        published_at=datetime.now(UTC),
    )


def test_an_item_needs_text_or_media() -> None:
    with pytest.raises(ValidationError, match="text or media"):
        ItemPublished(item_id="a")


def test_an_empty_text_is_there_for_curation_to_judge() -> None:
    assert ItemPublished(item_id="a", text="").text == ""


def test_a_medium_needs_no_caption() -> None:
    assert ItemPublished(item_id="a", media=MEDIA).text is None


@pytest.mark.parametrize("tenant", ["", "a/b", "a b", "ä", "a\n", "x" * 65])
def test_a_tenant_fits_into_keys_and_file_names(tenant: str) -> None:
    with pytest.raises(ValidationError):
        ItemPublished(item_id="a", text="", tenant=tenant)


@pytest.mark.parametrize("digest", ["", "0" * 63, "0" * 65, "F" * 64, "0" * 64 + "\n"])
def test_a_digest_is_64_lower_case_hexadecimal_digits(digest: str) -> None:
    with pytest.raises(ValidationError):
        MediaRef(uri="media/00/0", sha256=digest, length=0, media_type="image/png")


def test_vectors_have_four_bytes_for_each_dimension() -> None:
    assert len(embedded(bytes(8), bytes(8)).parts) == 2


@pytest.mark.parametrize("vectors", [(b"",), (bytes(7),), (bytes(8), bytes(12))], ids=["empty", "short", "second long"])
def test_a_vector_of_another_length_is_refused(vectors: tuple[bytes, ...]) -> None:
    with pytest.raises(ValidationError, match="dimension"):
        embedded(*vectors)


def test_an_embedded_item_has_at_least_one_vector() -> None:
    with pytest.raises(ValidationError):
        embedded()
