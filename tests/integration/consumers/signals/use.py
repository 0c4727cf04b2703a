"""People who search and react, in a log of their own, and what their use comes to."""

import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from consumers.signals.stage import Signals
from schemas.event import Event
from schemas.searches import FeedbackGiven, Hit, SearchServed
from streams.codec import Encoded, decode, encode
from streams.kafka.config import KafkaConfig
from streams.kafka.letter_box import read_topic
from streams.kafka.producer import KafkaProducer
from streams.kafka.topic_admin import TopicAdmin
from streams.topic_plan import manifest
from streams.topic_plan import plan as planned
from streams.topics import FEEDBACK, SEARCHES, SIGNALS, group_of
from tests.integration.consumers.signals.worker import CONFIG
from tests.unit.consumers.signals.builders import final

ROOT = Path(__file__).parents[4]
PATIENCE_S = 90.0
LATER_MS = 4_000_000_000_000
"""All windows of these tests have closed by then."""


@dataclass
class Shop:
    """A log with topics of its own, and customers with a mind of their own."""

    bootstrap: str
    with_topics: bool = True
    chance: random.Random = field(default_factory=lambda: random.Random(11))

    def __post_init__(self) -> None:
        self.kafka = KafkaConfig(
            bootstrap_servers=self.bootstrap, prefix=f"sig-{uuid4().hex[:8]}", session_timeout_ms=6000
        )
        self.admin = TopicAdmin(self.kafka)
        self.producer = KafkaProducer(self.kafka)
        self.sources = [topic.full_name(self.kafka.prefix) for topic in Signals.sources]
        if self.with_topics:
            self.create_topics()

    def create_topics(self) -> None:
        ours = {topic.full_name(self.kafka.prefix) for topic in (SEARCHES, FEEDBACK, SIGNALS)}
        for step in planned([state for state in manifest(self.kafka.prefix, []) if state.name in ours], {}):
            self.admin.apply(step)

    def send(self, *facts: Event) -> None:
        for fact in facts:
            topic = SEARCHES if isinstance(fact, SearchServed) else FEEDBACK
            self.producer.send(topic.full_name(self.kafka.prefix), encode(fact, "tests"))
        self.producer.flush(10.0)

    def send_rubbish(self) -> None:
        for topic in self.sources:
            self.producer.send(topic, Encoded(None, b"\xff not json", ()))
            self.producer.send(topic, Encoded(b"key", None, (("ce_type", b"millrace.Unknown.v1"),)))
        self.producer.flush(10.0)

    def visit(self) -> None:
        """A search with some reactions: out of order, now and then repeated."""
        words = self.chance.choice(["quiet rivers", "loud cities", "old mills"])
        items = self.chance.sample("abcdef", 4)
        hits = tuple(
            Hit(item_id=item, version=1, position=place, score=1 / place, propensity=1)
            for place, item in enumerate(items, start=1)
        )
        said = {"query_text": words, "k": 4, "policy": "hybrid-rrf", "model_version": "m-1", "latency_ms": 1}
        search = SearchServed(hits=hits, **said)
        reactions = [
            FeedbackGiven(impression_id=search.event_id, kind="click", item_id=item, consent=self.chance.random() < 0.8)
            for item in self.chance.sample(items, self.chance.randint(0, 2))
        ]
        facts = [search, *reactions, *self.chance.sample(reactions, min(1, len(reactions)))]
        self.chance.shuffle(facts)
        self.send(*facts)

    def visits_for(self, seconds: float, pause_s: float = 0.02) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.visit()
            time.sleep(pause_s)

    def measured(self) -> list[Event]:
        topic = SIGNALS.full_name(self.kafka.prefix)
        return [decode(record, SIGNALS.events) for record in read_topic(self.kafka, topic)]

    def expected(self) -> set[str]:
        """What an undisturbed run comes to: all records of the log in one go, without Faust and without a broker."""
        signals = Signals(CONFIG, self.kafka.prefix)
        for topic in self.sources:
            for record in read_topic(self.kafka, topic):
                signals.take(record)
        return final(signals.due(LATER_MS, LATER_MS))

    def lag(self) -> int:
        return self.admin.lag(group_of(self.kafka.prefix, "signals"), self.sources)

    def committed(self) -> int:
        return sum(self.admin.committed(group_of(self.kafka.prefix, "signals")).values())

    @contextmanager
    def worker(self) -> Iterator[subprocess.Popen[bytes]]:
        """A process that is killed at the end, without a chance to say anything."""
        command = [sys.executable, "-m", "tests.integration.consumers.signals.worker", self.bootstrap]
        process = subprocess.Popen([*command, self.kafka.prefix], cwd=ROOT, stdout=subprocess.DEVNULL)
        try:
            yield process
        finally:
            process.kill()
            process.wait(10)


def until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, f"in vain: {what}"
        time.sleep(0.1)
