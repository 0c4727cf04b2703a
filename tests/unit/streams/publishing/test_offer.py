from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.items import ItemPublished, Modality
from streams.errors import BadRecord
from streams.publishing.offer import INLINE_TEXT_BYTES, Offer, Prepared, prepare

MIB = 2**20


def prepared(offer: Offer, max_bytes: int = MIB) -> Prepared:
    return prepare(offer, "default", max_bytes)


def refused(offer: Offer, max_bytes: int = MIB) -> BadRecord:
    with pytest.raises(BadRecord) as refusal:
        prepared(offer, max_bytes)
    return refusal.value


def test_a_short_text_travels_in_the_record() -> None:
    item = prepared(Offer("a", text="short")).item
    assert (item.text, item.media, item.modality) == ("short", None, Modality.TEXT)


def test_a_text_of_just_the_limit_travels_in_the_record() -> None:
    text = "x" * (INLINE_TEXT_BYTES - 2)  # JSON adds two quotes
    assert prepared(Offer("a", text=text)).item.text == text


def test_a_longer_text_travels_as_plain_text_by_reference() -> None:
    text = "ö" * INLINE_TEXT_BYTES
    long = prepared(Offer("a", text=text, modality=Modality.TEXT))
    assert long.content == text.encode()
    assert long.item.text is None
    assert long.item.media is not None
    assert long.item.media.media_type == "text/plain"
    assert long.item.modality is Modality.TEXT


def test_a_text_that_json_blows_up_travels_by_reference() -> None:
    assert prepared(Offer("a", text="\x01" * (INLINE_TEXT_BYTES // 2))).item.media is not None


def test_a_text_file_is_read_into_the_record(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("\ufeffgrün".encode())
    assert prepared(Offer("a", content=tmp_path / "a.txt", media_type="text/plain")).item.text == "grün"


def test_a_text_that_is_not_utf8_travels_as_the_bytes_that_it_is() -> None:
    bad = prepared(Offer("a", content=b"caf\xe9", media_type="text/plain", modality=Modality.TEXT))
    assert bad.content == b"caf\xe9"
    assert bad.item.text is None
    assert bad.item.modality is Modality.TEXT


def test_an_empty_text_file_is_an_item_with_an_empty_text() -> None:
    assert prepared(Offer("a", content=b"", media_type="text/plain")).item.text == ""


def test_markup_in_the_record_says_that_it_is_markup() -> None:
    item = prepared(Offer("a", content=b"<p>hi", media_type="text/html")).item
    assert item.attributes == {"media_type": "text/html"}


def test_a_picture_travels_by_reference_with_its_caption() -> None:
    picture = prepared(Offer("a", text="a cat", content=b"\x89PNG", media_type="image/png", modality=Modality.IMAGE))
    assert picture.item.text == "a cat"
    assert picture.item.media is not None
    assert picture.item.media.length == 4


def test_a_caption_that_is_too_long_for_the_record_is_refused() -> None:
    offer = Offer("a", text="x" * INLINE_TEXT_BYTES, content=b"\x89PNG", media_type="image/png")
    assert refused(offer).reason == "caption_too_long"


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert refused(Offer("a", content=tmp_path / "none.png")).reason == "missing_file"


def test_a_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    assert refused(Offer("a", content=tmp_path)).reason == "unreadable_file"


def test_a_file_above_the_limit_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"12345")
    assert refused(Offer("a", content=tmp_path / "a.png"), max_bytes=4).reason == "media_too_large"


def test_a_file_of_just_the_limit_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"12345")
    assert prepared(Offer("a", content=tmp_path / "a.png"), max_bytes=5).content == b"12345"


def test_half_a_surrogate_pair_is_refused() -> None:
    assert refused(Offer("a", text="\ud800")).reason == "invalid_text"


def test_an_id_that_no_item_can_have_is_refused_with_the_field_named() -> None:
    refusal = refused(Offer("", text="x"))
    assert (refusal.reason, refusal.detail.split(":")[0]) == ("invalid_item", "item_id")


def test_an_offer_without_text_and_medium_is_refused() -> None:
    assert refused(Offer("a")).reason == "invalid_item"


def test_the_digest_ignores_the_order_of_attributes() -> None:
    one = Offer("a", text="x", attributes={"b": "1", "c": "2"})
    other = Offer("a", text="x", attributes={"c": "2", "b": "1"})
    assert prepared(one).digest == prepared(other).digest


def test_the_digest_is_the_same_at_any_time() -> None:
    assert prepared(Offer("a", text="x")).digest == prepared(Offer("a", text="x")).digest


@pytest.mark.parametrize(
    "changed",
    [
        Offer("a", text="y"),
        Offer("b", text="x"),
        Offer("a", text="x", tags=("t",)),
        Offer("a", text="x", language="de"),
        Offer("a", text="x", nsfw_flag=False),
        Offer("a", text="x", attributes={"k": "v"}),
        Offer("a", content=b"x", media_type="image/png"),
    ],
)
def test_the_digest_tells_every_change(changed: Offer) -> None:
    assert prepared(changed).digest != prepared(Offer("a", text="x")).digest


@given(st.text(), st.dictionaries(st.text(), st.text(), max_size=3))
def test_whatever_is_offered_becomes_a_valid_item_or_is_refused(text: str, attributes: dict[str, str]) -> None:
    try:
        item = prepared(Offer("a", text=text, attributes=attributes)).item
    except BadRecord:
        return
    assert ItemPublished.model_validate_json(item.model_dump_json()).text == text
