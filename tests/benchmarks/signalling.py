"""From feedback to the candidate's new score, through the real processes, beyond the window that it must wait for.

Searches show items that somebody then finds irrelevant. The delay that counts begins when the window of the search has
ended, and ends when the score with the new signal is in the log; the limit is one second.
"""

import json
import random
import time
from collections.abc import Callable
from uuid import uuid4

from models.encoders.config import EncoderConfig
from models.encoders.loading import load_encoder
from schemas.annotations import ItemScored
from schemas.event import Event
from schemas.searches import FeedbackGiven, FeedbackKind, Hit, SearchServed
from streams.codec import decode, encode
from streams.kafka.letter_box import read_topic
from streams.kafka.producer import KafkaProducer
from streams.topics import EMBEDDED, FEEDBACK, SCORED, SEARCHES
from tests.benchmarks.ground import FLUSH_S, Ground, Log
from tests.benchmarks.harness import AtMost, Measured, compare, percentile
from tests.benchmarks.items import embedded
from tests.benchmarks.report import Row
from tests.benchmarks.workers import create_topics, running

ITEMS, SEARCHES_A_RUN, PER_S = 2_000, 60, 20.0
WINDOW_S = 1
LIMIT_MS = 1_000.0
WAIT_S = 120.0
SETTINGS = {
    "labelling.tasks": json.dumps([{"name": "bench", "labels": ["mill", "water"]}]),
    "signals.window_s": WINDOW_S,
}


def signalling(ground: Ground) -> list[Row]:
    log = Log(ground)
    create_topics(log.config)
    with running(("signals", "search"), log.config, ground.folder / "mill", SETTINGS):
        use = Use(log)

        def ours() -> Measured:
            beyond_ms = use.run(ground.count(SEARCHES_A_RUN) if ground.quick else SEARCHES_A_RUN)
            return Measured(percentile(beyond_ms, 0.95), True)

        compared = compare(ours, lambda: Measured(LIMIT_MS, True), AtMost(1.0), ground.pairs, tries=1)
    return [Row("feedback to candidate, beyond the window", "the limit of one second", "ms, P95", compared)]


class Use:
    """People who search and say that what they were shown is irrelevant."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._producer = KafkaProducer(log.config)
        self._fresh = [f"item-{number:06}" for number in range(ITEMS)]
        self._model_version = load_encoder(EncoderConfig()).version
        for fact in embedded(ITEMS):
            self._send(EMBEDDED.full_name(log.config.prefix), fact.model_copy(update=self._of_model))
        self._producer.flush(FLUSH_S)
        self._await(lambda: log.written(SCORED.full_name(log.config.prefix)) >= ITEMS)

    @property
    def _of_model(self) -> dict[str, str]:
        return {"model_version": self._model_version}

    def run(self, searches: int) -> list[float]:
        """Milliseconds from the end of each search's window to the score that knows of it."""
        rng, ended = random.Random(uuid4().int), {}
        for _ in range(searches):
            item_id = self._fresh.pop()
            search = self._search(item_id)
            ended[item_id] = (search.occurred_at.timestamp() // WINDOW_S + 1) * WINDOW_S
            time.sleep(rng.uniform(0, 2 / PER_S))
        self._producer.flush(FLUSH_S)
        told: dict[str, float] = {}

        def all_told() -> bool:
            told.update(self._told())
            return ended.keys() <= told.keys()

        self._await(all_told)
        return [(told[item_id] - ended[item_id]) * 1000 for item_id in ended]

    def _search(self, item_id: str) -> SearchServed:
        prefix = self._log.config.prefix
        hit = Hit(item_id=item_id, version=1, position=1, score=1.0, propensity=1.0)
        search = SearchServed(
            query_text=uuid4().hex, k=1, hits=(hit,), policy="bench", latency_ms=1.0, **self._of_model
        )
        verdict = FeedbackGiven(
            impression_id=search.event_id, kind=FeedbackKind.RELEVANCE, item_id=item_id, value=0.0, consent=True
        )
        self._send(SEARCHES.full_name(prefix), search)
        self._send(FEEDBACK.full_name(prefix), verdict)
        return search

    def _told(self) -> dict[str, float]:
        """When each item's first score with a signal was written, in seconds."""
        found: dict[str, float] = {}
        for record in read_topic(self._log.config, SCORED.full_name(self._log.config.prefix)):
            fact = decode(record, (ItemScored,))
            if isinstance(fact, ItemScored) and fact.feedback_signal > 0:
                found.setdefault(fact.item_id, record.timestamp_ms / 1000)
        return found

    def _send(self, topic: str, fact: Event) -> None:
        self._producer.send(topic, encode(fact, "bench"))

    def _await(self, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WAIT_S
        while not done():
            if time.monotonic() > deadline:
                raise TimeoutError("the loop did not answer in time")
            time.sleep(0.2)
