import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.vector_index.keywords import document_weights, query_weights, words_of

WORD_NUMBERS = 2**32


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The mill-race, 3.14!", ["the", "mill", "race", "3", "14"]),
        ("GRÜSSE Straße", ["grüsse", "strasse"]),
        ("Cafe\u0301", ["café"]),
        ("ＫＡＦＫＡ　４", ["kafka", "4"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("안녕하세요 세계", ["안녕하세요", "세계"]),
        ("عربى جدا", ["عربى", "جدا"]),
        ("水車", ["水", "車", "水車"]),
        ("水", ["水"]),
        ("我爱Kafka天安", ["我", "爱", "我爱", "kafka", "天", "安", "天安"]),
        ("snake_case", ["snake", "case"]),
        ("?! … 🙂", []),
        ("", []),
    ],
)
def test_words_are_runs_of_letters_marks_and_digits_in_any_script(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_a_word_that_occurs_more_often_weighs_more_but_less_than_in_proportion() -> None:
    once = dict(zip(*document_weights("mill race"), strict=True))
    twice = dict(zip(*document_weights("mill mill race"), strict=True))
    [mill] = query_weights("mill")[0]
    assert once[mill] < twice[mill] < 2 * once[mill]


def test_a_word_weighs_less_in_a_longer_text() -> None:
    [mill] = query_weights("mill")[0]
    short = dict(zip(*document_weights("mill race"), strict=True))
    long = dict(zip(*document_weights("mill race " + "and so on " * 50), strict=True))
    assert long[mill] < short[mill]


def test_word_numbers_are_a_promise_to_stored_indexes() -> None:
    assert query_weights("mill") == ([574753205], [1.0])


@given(st.text())
def test_every_word_of_a_query_made_of_a_text_is_in_the_text(text: str) -> None:
    assert set(query_weights(text)[0]) == set(document_weights(text)[0])


@given(st.text())
def test_numbers_are_distinct_and_fit_and_weights_are_positive(text: str) -> None:
    numbers, weights = document_weights(text)
    assert len(set(numbers)) == len(numbers) == len(weights)
    assert all(0 <= number < WORD_NUMBERS for number in numbers)
    assert all(0 < weight < 2.2 for weight in weights)


@given(st.text(alphabet=st.characters(codec="ascii")))
def test_the_quick_way_for_ascii_finds_the_same_words(text: str) -> None:
    assert words_of(text + " é") == [*words_of(text), "é"]


@given(st.text(), st.text())
def test_words_do_not_depend_on_what_stands_around_them(one: str, other: str) -> None:
    assert sorted(words_of(f"{one} . {other}")) == sorted(words_of(one) + words_of(other))


@given(st.text())
def test_case_makes_no_difference(text: str) -> None:
    assert words_of(text.casefold()) == words_of(text)
