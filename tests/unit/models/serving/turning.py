"""Generations that switch while people search, and a look at every answer: was it made in one space alone?"""

import random
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from models.encoders.hashing import HashingEncoder
from models.encoders.port import Encoder
from models.serving.request import SearchRequest
from models.serving.search import Served
from tests.unit.models.serving.spaces import TEXTS, WORDS

ANSWERED = "answered"
FAILED = "failed"
MIXED = "mixed"
MISNAMED = "misnamed"
TOLERANCE = 1e-5


@dataclass
class Ledger:
    """Which encoder may answer in which arm of which generation; written before it may."""

    allowed: set[tuple[int, str, str]] = field(default_factory=set)

    def allow(self, generation: int, arm: str, version: str) -> None:
        self.allowed.add((generation, arm, version))


@dataclass
class Seen:
    """What became of the searches, and how the arms shared them."""

    outcomes: Counter[str] = field(default_factory=Counter)
    arms: Counter[str] = field(default_factory=Counter)
    generations: set[int] = field(default_factory=set)
    reasons: set[str] = field(default_factory=set)
    """Why searches failed."""
    stood_in: int = 0
    """Answers given in place of an arm that failed."""

    def add(self, other: "Seen") -> None:
        self.outcomes += other.outcomes
        self.arms += other.arms
        self.generations |= other.generations
        self.reasons |= other.reasons
        self.stood_in += other.stood_in


class Judge:
    """Knows every dot product of every space."""

    def __init__(self, encoders: tuple[HashingEncoder, ...], ledger: Ledger) -> None:
        self.requests = [
            SearchRequest.model_validate({"query": {"text": f"{a} {b}"}, "hybrid": {"bm25_weight": 0}, "k": 5})
            for a in WORDS
            for b in WORDS
        ]
        self.judged = 0
        """About how many answers; threads may count the same one."""
        self._ledger = ledger
        self._places = {name: place for place, name in enumerate(TEXTS)}
        self._products = {encoder.version: self._of(encoder) for encoder in encoders}

    def _of(self, encoder: Encoder) -> dict[str, np.ndarray]:
        items = encoder.encode_texts(list(TEXTS.values()))
        texts = [request.query.text for request in self.requests]
        return dict(zip(texts, encoder.encode_texts(texts) @ items.T, strict=True))

    def verdict(self, served: Served) -> str:
        """`mixed` unless each score is the product of query and item in the one space that the answer names."""
        self.judged += 1
        fact = served.fact
        products = self._products[fact.model_version][fact.query_text]
        right = [abs(hit.score - products[self._places[hit.item_id]]) < TOLERANCE for hit in fact.hits]
        if len(right) != fact.k or not all(right):
            return MIXED
        same = (served.answer.generation, served.answer.arm, served.answer.model_version)
        named = (fact.generation, fact.arm, fact.model_version)
        return ANSWERED if named in self._ledger.allowed and named == same else MISNAMED


Search = Callable[[SearchRequest], Served]


def searched_while(turn: Callable[[], None], search: Search, judge: Judge, threads: int = 2) -> Seen:
    """What became of all searches that these threads made from before `turn` began until after it ended."""
    over = threading.Event()

    def person(seed: int) -> Seen:
        chance, seen = random.Random(seed), Seen()
        while not over.is_set():
            try:
                served = search(chance.choice(judge.requests))
            except Exception as error:  # any failure whatever is what must not be
                seen.outcomes[FAILED] += 1
                seen.reasons.add(repr(error))
                continue
            seen.outcomes[judge.verdict(served)] += 1
            seen.arms[served.fact.arm] += 1
            seen.generations.add(served.fact.generation)
            seen.stood_in += len(served.failed)
        return seen

    total = Seen()
    with ThreadPoolExecutor(threads) as people:
        asked = [people.submit(person, seed) for seed in range(threads)]
        try:
            turn()
        finally:
            over.set()
        for one in asked:
            total.add(one.result())
    return total
