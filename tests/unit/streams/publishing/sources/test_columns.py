from datetime import UTC, datetime
from decimal import Decimal

import pytest

from schemas.items import Modality
from streams.errors import BadRecord
from streams.publishing.offer import Offer
from streams.publishing.sources.columns import (
    Columns,
    Defaults,
    as_text,
    file_of_row,
    offer_of_row,
    require_content,
)


def offer(values: dict[str, object], columns: Columns = Columns()) -> Offer:  # noqa: B008
    return offer_of_row(values, columns, "default-id")


def refused(values: dict[str, object], columns: Columns = Columns()) -> BadRecord:  # noqa: B008
    with pytest.raises(BadRecord) as refusal:
        offer(values, columns)
    return refusal.value


def test_known_columns_fill_their_fields() -> None:
    values: dict[str, object] = {
        "id": 7,
        "text": "words",
        "source": "site",
        "language": "DE",
        "license": "CC0",
        "tags": ["a", " b "],
        "nsfw_flag": False,
    }
    assert offer(values) == Offer(
        "7",
        text="words",
        media_type="text/plain",
        modality=Modality.TEXT,
        source="site",
        language="de",
        licence="CC0",
        tags=("a", "b"),
        nsfw_flag=False,
    )


def test_other_columns_become_attributes_as_text() -> None:
    values: dict[str, object] = {"text": "x", "label": "cat", "size": 3, "split": None, "box": [1, 2]}
    assert offer(values).attributes == {"label": "cat", "size": "3", "box": "[1,2]"}


def test_a_caption_is_the_text_where_there_is_no_text() -> None:
    assert offer({"caption": "a cat"}).text == "a cat"


def test_a_caption_beside_a_text_is_an_attribute() -> None:
    assert offer({"caption": "a cat", "text": "x"}).attributes == {"caption": "a cat"}


def test_a_named_text_column_beats_the_usual_one() -> None:
    found = offer({"text": "x", "body": "y"}, Columns(text="body"))
    assert (found.text, found.attributes) == ("y", {"text": "x"})


def test_without_an_id_column_the_default_id_is_taken() -> None:
    assert offer({"text": "x"}).item_id == "default-id"


def test_a_named_id_column_that_is_empty_is_refused() -> None:
    assert refused({"text": "x", "key": None}, Columns(item_id="key")).reason == "missing_id"


def test_tags_may_be_words_between_commas() -> None:
    assert offer({"text": "x", "tags": "a, b,,"}).tags == ("a", "b")


def test_tags_that_are_neither_are_refused() -> None:
    assert refused({"text": "x", "tags": 3}).reason == "invalid_value"


@pytest.mark.parametrize(("cell", "flag"), [(True, True), ("false", False), (1, True), ("No", False), (None, None)])
def test_the_flag_is_read_from_words_and_numbers(cell: object, flag: bool | None) -> None:
    assert offer({"text": "x", "nsfw_flag": cell}).nsfw_flag is flag


def test_a_flag_that_says_neither_is_refused() -> None:
    assert refused({"text": "x", "nsfw_flag": "maybe"}).reason == "invalid_value"


def test_a_missing_number_of_a_table_is_an_absent_value() -> None:
    assert offer({"text": "x", "score": float("nan")}).attributes == {}


def test_an_infinite_number_is_kept_as_a_word() -> None:
    assert offer({"text": "x", "score": float("inf")}).attributes == {"score": "Infinity"}


def test_a_picture_inside_a_row_is_its_medium() -> None:
    found = offer({"image": {"bytes": b"\x89PNG", "path": "a.png"}, "label": 3})
    assert (found.content, found.media_type, found.modality) == (b"\x89PNG", "image/png", Modality.IMAGE)
    assert found.attributes == {"label": "3"}


def test_a_row_without_text_is_refused_with_the_columns_that_there_are() -> None:
    values: dict[str, object] = {"title": "x"}
    with pytest.raises(BadRecord, match="there are title"):
        require_content(offer(values), values, Columns())


def test_the_file_of_a_row_is_named_by_its_column() -> None:
    assert file_of_row({"file_name": "a.png"}, Columns()) == ("file_name", "a.png")


def test_the_file_of_a_row_may_have_a_longer_column_name() -> None:
    assert file_of_row({"image_file_name": "a.png"}, Columns()) == ("image_file_name", "a.png")


def test_the_file_of_a_row_may_be_named_by_the_caller() -> None:
    assert file_of_row({"file_name": "a.png", "audio": "b.wav"}, Columns(file="audio")) == ("audio", "b.wav")


def test_a_row_may_name_no_file() -> None:
    assert file_of_row({"file_name": None}, Columns()) is None


def test_defaults_fill_gaps_and_tags_add_up() -> None:
    described = Defaults("given", "en", ("b",), "CC0").describe(Offer("a", language="de", tags=("a", "b")), "folder")
    assert (described.source, described.language, described.tags, described.licence) == (
        "given",
        "de",
        ("a", "b"),
        "CC0",
    )


def test_the_place_is_the_source_where_nobody_names_one() -> None:
    assert Defaults().describe(Offer("a"), "folder").source == "folder"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", "x"),
        (True, "true"),
        (1.5, "1.5"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00+00:00"),
        (b"\x00", "AA=="),
        ({"a": [datetime(2026, 1, 2, tzinfo=UTC)]}, '{"a":["2026-01-02T00:00:00+00:00"]}'),
    ],
)
def test_cells_become_text(value: object, text: str) -> None:
    assert as_text(value) == text


def test_a_decimal_becomes_its_digits() -> None:
    assert as_text(Decimal("1.50")) == "1.50"
