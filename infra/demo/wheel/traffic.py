"""The demo's people who search: they look for digits all the time, and click on what is right.

Every answer is kept, so that it can be told afterwards whether one failed, or mixed two models.
"""

import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise

import httpx

from infra.demo.inputs import DIGIT_WORDS, TO_LABEL_SOURCE
from models.encoders.port import Encoder, Vectors

EVERY_S = 0.04
"""Between two searches."""
DEPTH = 10
LOOKED_AT = 3
"""People look at so many results before they give up."""
CLICKED = 0.9
"""How often they click on a right one."""
TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person got."""

    digit: str
    ended_s: float
    model_version: str
    scores: Mapping[str, float]
    """Cosine of query and picture, by item."""


@dataclass
class Traffic:
    """Searches in a thread of their own until `stop`."""

    url: Callable[[], str]
    truth: Mapping[str, str]
    answers: list[Answer] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    """Why, for each search without an answer."""

    def __post_init__(self) -> None:
        self._stopping = threading.Event()
        self._chance = random.Random(0)
        self._thread = threading.Thread(target=self._run, name="searchers", daemon=True)

    def start(self) -> None:
        """Begins to search."""
        self._thread.start()

    def stop(self) -> None:
        """After the search in hand."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(2 * TIMEOUT_S)

    @property
    def searches(self) -> int:
        return len(self.answers) + len(self.failed)

    def longest_gap_s(self) -> float:
        """Between the ends of two good answers that follow each other."""
        ends = [answer.ended_s for answer in self.answers]
        return max((later - earlier for earlier, later in pairwise(ends)), default=0.0)

    def _run(self) -> None:
        with httpx.Client(base_url=self.url(), timeout=TIMEOUT_S, trust_env=False) as client:
            while not self._stopping.wait(EVERY_S):
                try:
                    self._search(client, self._chance.choice(DIGIT_WORDS))
                except httpx.HTTPError as error:
                    self.failed.append(str(error) or type(error).__name__)

    def _search(self, client: httpx.Client, digit: str) -> None:
        body = {
            "query": {"text": question(digit)},
            "filters": {"source": [TO_LABEL_SOURCE]},
            "k": DEPTH,
            "hybrid": {"bm25_weight": 0},
            "rerank": {"enabled": True, "top_k": DEPTH},
        }
        told = client.post("/v1/retrieval/search", json=body).raise_for_status().json()
        scores = {result["id"]: result["score"] for result in told["results"]}
        self.answers.append(Answer(digit, time.monotonic(), told["model_version"], scores))
        right = next((item for item in list(scores)[:LOOKED_AT] if self.truth.get(item) == digit), None)
        if right is not None and self._chance.random() < CLICKED:
            click = {"impression_id": told["impression_id"], "kind": "click", "item_id": right, "consent": True}
            client.post("/v1/feedback", json=click).raise_for_status()


def question(digit: str) -> str:
    """What people type."""
    return f"a photo of the handwritten digit {digit}"


Cosine = Callable[[str, str, str], float]
"""Of a model version, a digit that is asked for, and an item."""


def mixed(answers: Sequence[Answer], cosine: Cosine, tolerance: float = 2e-3) -> int:
    """Answers in which some score is not that of the model that is named: the space of another one had a part in it."""
    return sum(
        any(abs(score - cosine(one.model_version, one.digit, item)) > tolerance for item, score in one.scores.items())
        for one in answers
    )


def cosines(encoder_of: Callable[[str], Encoder], picture_of: Callable[[str], bytes], items: Iterable[str]) -> Cosine:
    """Computed anew from the pictures themselves, once for each model that is asked about."""
    ordered = sorted(set(items))
    places = {item: place for place, item in enumerate(ordered)}

    @cache
    def of_model(version: str) -> tuple[Vectors, Vectors]:
        encoder = encoder_of(version)
        pictures = encoder.encode_images([picture_of(item) for item in ordered])
        return encoder.encode_texts([question(digit) for digit in DIGIT_WORDS]), pictures

    def cosine(version: str, digit: str, item: str) -> float:
        questions, pictures = of_model(version)
        return float(questions[DIGIT_WORDS.index(digit)] @ pictures[places[item]])

    return cosine
