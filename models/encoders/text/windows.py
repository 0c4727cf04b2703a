"""Long texts to windows that a model sees whole, cut where a sentence ends, or at least a word.

Windows follow each other without overlap, so every word is embedded once. A sentence end is taken only in the second
half of a window: short windows cost vectors and say little.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’»)\]]*\s+|[。！？]+[”’」』）]*|\n\s*")
"""Its match ends where the next sentence starts."""


@dataclass(frozen=True, slots=True)
class Word:
    """A stretch of text that is never cut, and how many pieces the model reads it as."""

    start: int
    stop: int
    pieces: int


@dataclass(frozen=True, slots=True)
class WindowLimits:
    """Bounds of one window, and how many a text may have."""

    pieces: int
    chars: int
    windows: int

    @property
    def reach(self) -> int:
        """Characters of a text beyond which nothing can lie in a window."""
        return self.chars * self.windows


def windows(text: str, words: Sequence[Word], limits: WindowLimits) -> list[str]:
    """Consecutive slices of `text` that hold its words in order; those beyond the last allowed window are left out."""
    words = list(_bounded(words, limits))
    sentences = {found.end() for found in _SENTENCE_END.finditer(text)}
    pieces = list(accumulate((word.pieces for word in words), initial=0))
    found: list[str] = []
    start = 0
    while start < len(words) and len(found) < limits.windows:
        full = _first_that_does_not_fit(words, pieces, start, limits)
        half = next(
            i for i in range(start + 1, full + 1) if i == full or 2 * (pieces[i] - pieces[start]) >= limits.pieces
        )
        stop = full if full == len(words) else _best_cut(text, words, range(full, half - 1, -1), sentences)
        found.append(text[words[start].start : words[stop - 1].stop])
        start = stop
    return found


def _first_that_does_not_fit(words: Sequence[Word], pieces: Sequence[int], start: int, limits: WindowLimits) -> int:
    """Never `start` itself: a word alone always has a window."""
    stop = start + 1
    while stop < len(words):
        too_many = pieces[stop + 1] - pieces[start] > limits.pieces
        if too_many or words[stop].stop - words[start].start > limits.chars:
            break
        stop += 1
    return stop


def _best_cut(text: str, words: Sequence[Word], cuts: Sequence[int], sentences: set[int]) -> int:
    """The last cut before a sentence, else the last before a word with white space ahead, else the first offered."""
    sentence = next((cut for cut in cuts if words[cut].start in sentences), None)
    spaced = next((cut for cut in cuts if text[words[cut].start - 1].isspace()), cuts[0])
    return spaced if sentence is None else sentence


def _bounded(words: Iterable[Word], limits: WindowLimits) -> Iterator[Word]:
    """The words, with those longer than a window in slices; a slice counts as a piece for each character at most."""
    for word in words:
        if word.stop - word.start <= limits.chars:
            yield word
            continue
        for start in range(word.start, word.stop, limits.chars):
            stop = min(start + limits.chars, word.stop)
            yield Word(start, stop, min(stop - start, limits.pieces))
