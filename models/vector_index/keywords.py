"""Words for keyword search: a text to a sparse vector whose inner product with a query is BM25.

A document carries the term-frequency part of BM25, a query weight 1 for each of its words; the engine multiplies by the
inverse document frequency, which only it knows. A word is a number: its CRC-32, so no vocabulary is kept and any
process computes the same one. Two words in a million texts may share a number; that costs a rank, never a result.

Words are runs of letters, marks and digits, in any script. Scripts that put no spaces between words (Chinese, Japanese,
Thai and their neighbours) are cut into single characters and pairs of them, so that both a character and a compound can
be found. Changing any of this means building the index anew.

Source: Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond, 2009, with k1 = 1.2, b = 0.75.
"""

import re
import unicodedata
from collections import Counter
from zlib import crc32

import regex

SATURATION = 1.2
LENGTH_WEIGHT = 0.75
AVERAGE_WORDS = 128
"""Assumed length of a text, between a caption and a full window of the encoder. Stored vectors depend on it."""

_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_ASCII_WORD = re.compile(r"[a-z0-9]+")
_WORD = regex.compile(rf"[{_UNSPACED}]+|[\p{{L}}\p{{M}}\p{{N}}--[{_UNSPACED}]]+", regex.V1)
_UNSPACED_START = regex.compile(rf"[{_UNSPACED}]", regex.V1)

SparseNumbers = tuple[list[int], list[float]]
"""Word numbers, each once, and their weights."""


def words_of(text: str) -> list[str]:
    """The words of a text in order, folded so that case, width and composition make no difference."""
    if text.isascii():
        return _ASCII_WORD.findall(text.lower())
    folded = unicodedata.normalize("NFKC", text).casefold()
    return [piece for run in _WORD.findall(folded) for piece in _pieces(run)]


def document_weights(text: str) -> SparseNumbers:
    """What a text of the index carries: for each word the saturated, length-normalised term frequency."""
    words = words_of(text)
    counts = _numbered(words)
    norm = SATURATION * (1 - LENGTH_WEIGHT + LENGTH_WEIGHT * len(words) / AVERAGE_WORDS)
    gain = SATURATION + 1
    return list(counts), [count * gain / (count + norm) for count in counts.values()]


def query_weights(text: str) -> SparseNumbers:
    """What a query carries: weight 1 for each of its words."""
    numbers = list(_numbered(words_of(text)))
    return numbers, [1.0] * len(numbers)


def _numbered(words: list[str]) -> dict[int, int]:
    """Occurrences by word number; words that share a number add up, as an engine takes each number once."""
    counts: dict[int, int] = {}
    for word, count in Counter(words).items():
        number = crc32(word.encode())
        counts[number] = counts.get(number, 0) + count
    return counts


def _pieces(run: str) -> list[str]:
    if _UNSPACED_START.match(run) is None:
        return [run]
    return [*run, *(run[at : at + 2] for at in range(len(run) - 1))]
