import re

from hypothesis import given
from hypothesis import strategies as st

from models.encoders.text.windows import WindowLimits, Word, windows

WIDE = WindowLimits(pieces=10, chars=10_000, windows=10_000)

TEXTS = st.text(st.sampled_from("ab c.!\n数。 "), max_size=300)
LIMITS = st.builds(WindowLimits, st.integers(1, 20), st.integers(1, 60), st.integers(1, 5))


def words_of(text: str) -> list[Word]:
    return [Word(*found.span(), pieces=1) for found in re.finditer(r"[ab]+|[^\sab]", text)]


def split(text: str, limits: WindowLimits) -> list[str]:
    return windows(text, words_of(text), limits)


@given(TEXTS, LIMITS)
def test_windows_are_slices_of_the_text_in_order(text: str, limits: WindowLimits) -> None:
    place = 0
    for window in split(text, limits):
        place = text.index(window, place) + len(window)


@given(TEXTS)
def test_between_windows_there_is_nothing_but_white_space(text: str) -> None:
    assert re.sub(r"\s", "", "".join(split(text, WIDE))) == re.sub(r"\s", "", text)


@given(TEXTS, LIMITS)
def test_no_window_exceeds_its_pieces_or_characters(text: str, limits: WindowLimits) -> None:
    found = split(text, limits)
    assert all(len(window) <= limits.chars for window in found)
    assert all(len(words_of(window)) <= limits.pieces for window in found)


@given(TEXTS, LIMITS)
def test_there_are_no_more_windows_than_allowed(text: str, limits: WindowLimits) -> None:
    assert len(split(text, limits)) <= limits.windows


@given(TEXTS, LIMITS)
def test_no_window_is_blank(text: str, limits: WindowLimits) -> None:
    assert all(window.strip() for window in split(text, limits))


def test_a_cut_falls_before_the_last_sentence_that_does_not_fit() -> None:
    assert split("a a a a a a. b b b b b b.", WIDE) == ["a a a a a a.", "b b b b b b."]


def test_a_sentence_end_in_the_first_half_is_not_worth_a_window() -> None:
    assert split("a. b b b b b b b b b b b b b", WIDE) == ["a. b b b b b b b b", "b b b b b"]


def test_a_line_break_ends_a_sentence() -> None:
    assert split("a a a a a a\nb b b b b b", WIDE) == ["a a a a a a", "b b b b b b"]


def test_without_sentences_the_cut_falls_between_words_with_space() -> None:
    assert split("a a a a a a a aa数数数", WIDE) == ["a a a a a a a", "aa数数数"]


def test_text_without_spaces_is_cut_where_the_window_is_full() -> None:
    assert split("数" * 25, WIDE) == ["数" * 10, "数" * 10, "数" * 5]


def test_a_word_longer_than_a_window_is_cut_into_slices() -> None:
    limits = WindowLimits(pieces=10, chars=4, windows=10)
    assert split("a" * 10, limits) == ["aaaa", "aaaa", "aa"]


def test_a_word_of_more_pieces_than_a_window_has_one_of_its_own() -> None:
    words = [Word(0, 1, 1), Word(2, 5, 12), Word(6, 7, 1)]
    assert windows("a bbb c", words, WIDE) == ["a", "bbb", "c"]


def test_what_lies_beyond_the_last_allowed_window_is_left_out() -> None:
    assert split("a " * 25, WindowLimits(pieces=10, chars=100, windows=2)) == [("a " * 10).strip()] * 2
