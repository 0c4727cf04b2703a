"""Text hygiene: clean Unicode comes out, or an objection."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.curation.content.objections import Objection
from consumers.curation.content.text import clean, decode_utf8, looks_like_text
from schemas.items import RejectReason


def cleaned(text: str) -> str:
    result = clean(text, 0.3)
    assert isinstance(result, str)
    return result


def refused(result: object) -> RejectReason:
    assert isinstance(result, Objection)
    return result.reason


@pytest.mark.parametrize(
    ("raw", "clean_text"),
    [
        ("plain words", "plain words"),
        ("  around \n", "around"),
        ("e\u0301", "\u00e9"),
        ("one\r\ntwo\rthree\u2028four", "one\ntwo\nthree\nfour"),
        ("nul\0 and escape\x1b[31m too many words", "nul and escape[31m too many words"),
        ("\ufeffmarked", "marked"),
        ("user\u202egnp.exe", "usergnp.exe"),
        ("\u2067isolated\u2069 word", "isolated word"),
        ("tab\tstays", "tab\tstays"),
        ("family \U0001f468\u200d\U0001f469\u200d\U0001f467", "family \U0001f468\u200d\U0001f469\u200d\U0001f467"),
        ("\u05e9\u05dc\u05d5\u05dd\u200f!", "\u05e9\u05dc\u05d5\u05dd\u200f!"),
    ],
)
def test_text_is_cleaned_without_losing_words(raw: str, clean_text: str) -> None:
    assert cleaned(raw) == clean_text


def test_a_lone_surrogate_is_invalid_text() -> None:
    assert clean("half a \ud83d smile", 0.3) == Objection(
        RejectReason.INVALID_TEXT, "U+D83D at 7", "no lone surrogates"
    )


def test_mostly_control_characters_are_invalid_text() -> None:
    assert refused(clean("\x01\x02\x03ab", 0.3)) == RejectReason.INVALID_TEXT


def test_a_long_run_of_marks_is_cut_to_thirty() -> None:
    assert len(cleaned("x" + "\u0316\u0308" * 50_000)) <= 31


def test_marks_that_only_appear_when_taken_apart_count_too() -> None:
    assert len(cleaned("x" + "\u0f73" * 50_000)) <= 61


def test_utf8_may_start_with_a_byte_order_mark() -> None:
    assert decode_utf8(b"\xef\xbb\xbfwords") == "words"


@pytest.mark.parametrize(
    "content", [b"caf\xe9", b"\xc0\x80", b"\xed\xa0\x80", b"\xff\xfew\0", "w".encode("utf-16"), "w".encode("utf-32")]
)
def test_anything_but_utf8_is_invalid_text(content: bytes) -> None:
    assert refused(decode_utf8(content)) == RejectReason.INVALID_TEXT


@pytest.mark.parametrize(
    ("content", "answer"), [(b"words", True), (bytes(range(128)) * 4, False), (b"\xff\xd8", False)]
)
def test_bytes_read_as_text_only_with_hardly_any_control_characters(content: bytes, answer: bool) -> None:
    assert looks_like_text(content) is answer


@given(st.text())
def test_what_is_clean_is_composed_encodable_and_stays_as_it_is(raw: str) -> None:
    result = clean(raw, 1.0)
    assert isinstance(result, str)
    assert unicodedata.is_normalized("NFC", result)
    assert clean(result, 1.0) == result
    assert decode_utf8(result.encode()) == result.removeprefix("\ufeff")


@given(st.text(alphabet=st.characters(min_codepoint=0xD800, max_codepoint=0xDFFF), min_size=1), st.text(), st.text())
def test_no_lone_surrogate_gets_through_anywhere(surrogates: str, before: str, after: str) -> None:
    assert refused(clean(before + surrogates + after, 1.0)) == RejectReason.INVALID_TEXT
