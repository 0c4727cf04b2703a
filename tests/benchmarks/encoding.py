"""Texts of mixed lengths to vectors: batches by token budget, against fixed batches padded to their longest text.

The same tower, threads and texts on both sides; the peer takes them as they come, 32 at a time.
"""

import random
from collections.abc import Callable

import numpy as np

from models.encoders.config import EncoderConfig
from models.encoders.mini import MillraceMini
from models.encoders.port import Vectors
from models.encoders.text.minilm import MiniLM
from tests.benchmarks.ground import Ground, cpu_s
from tests.benchmarks.harness import AtLeast, Measured, Side, compare
from tests.benchmarks.items import WORDS
from tests.benchmarks.report import Row

TEXTS = 64
FIXED = 32


def encoding(ground: Ground) -> list[Row]:
    encoder = MillraceMini.load(EncoderConfig())
    encoder.warm_up()
    tower, texts = encoder.texts, _texts(TEXTS)
    ours, peer = _side(texts, tower.encode), _side(texts, lambda texts: _fixed(tower, texts))
    compared = compare(ours, peer, AtLeast(3.0), ground.pairs)
    return [Row("token-budget batches", f"fixed batches of {FIXED}, padded", "ms of CPU a text", compared)]


def _texts(count: int) -> list[str]:
    """Mostly short, some as long as the tower's window: the lengths of captions, comments and paragraphs."""
    rng = random.Random(0)
    lengths = [min(120, max(3, int(rng.lognormvariate(2.5, 0.9)))) for _ in range(count)]
    return [" ".join(rng.choices(WORDS, k=length)) for length in lengths]


def _side(texts: list[str], encode: Callable[[list[str]], Vectors]) -> Side:
    def run() -> Measured:
        started = cpu_s()
        vectors = encode(texts)
        cost = (cpu_s() - started) / len(texts) * 1000
        return Measured(cost, (vectors.shape, int(np.round(np.abs(vectors).sum()))))

    return run


def _fixed(tower: MiniLM, texts: list[str]) -> Vectors:
    tokens = [[tower._begin, *ids[: tower._limits.pieces], tower._end] for ids in tower._pieces(texts)]
    batches = [tokens[at : at + FIXED] for at in range(0, len(tokens), FIXED)]
    return np.concatenate([tower._encode_batch(batch) for batch in batches])
