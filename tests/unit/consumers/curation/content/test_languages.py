"""The language of a text, by the model that rides in the wheel."""

import pytest

from consumers.curation.content.languages import Language, declared_code, language_of, not_allowed
from consumers.curation.content.objections import Objection
from schemas.items import RejectReason


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("The miller opens the sluice, and the water turns the wheel.", "en"),
        ("Der Müller öffnet die Schleuse, und das Wasser dreht das Rad.", "de"),
        ("水が水車を回し、粉屋は小麦を挽いています。", "ja"),
        ("Мельник открывает шлюз, и вода вращает колесо.", "ru"),
    ],
)
def test_the_language_of_a_sentence_is_found(text: str, code: str) -> None:
    found = language_of(text, 120)
    assert found is not None
    assert (found.code, found.confidence > 0.5) == (code, True)


def test_text_without_letters_has_no_language() -> None:
    assert language_of("12:30 +49 (0) 711 …", 120) is None


def test_only_the_beginning_of_a_text_is_looked_at() -> None:
    german = "Der Müller öffnet die Schleuse, und das Wasser dreht das Rad. "
    assert language_of(german + "The water turns the wheel. " * 50, len(german)) == language_of(german, len(german))


def test_a_language_that_is_surely_none_of_the_allowed_is_refused() -> None:
    objection = not_allowed(Language("de", 0.9), frozenset({"fr", "en"}), 0.5)
    assert objection == Objection(RejectReason.LANGUAGE_NOT_ALLOWED, "de", "en, fr")


@pytest.mark.parametrize(
    ("language", "allowed"), [(Language("de", 0.9), set()), (Language("de", 0.4), {"en"}), (None, {"en"})]
)
def test_an_uncertain_language_passes_and_so_does_any_where_none_is_named(
    language: Language | None, allowed: set[str]
) -> None:
    assert not_allowed(language, frozenset(allowed), 0.5) is None


@pytest.mark.parametrize(
    ("declared", "code"), [("en-US", "en"), ("DE", "de"), ("pt_BR", "pt"), ("English", None), ("", None), (None, None)]
)
def test_what_a_producer_calls_the_language_becomes_a_code_or_nothing(declared: str | None, code: str | None) -> None:
    assert declared_code(declared) == code
