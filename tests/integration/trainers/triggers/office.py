"""People who label, in a log of their own, and what their labels ask for."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from schemas.training import TrainingRequested
from streams.codec import decode, encode
from streams.faust.runner import FaustRunner
from streams.health import State
from streams.kafka.config import KafkaConfig
from streams.kafka.letter_box import read_topic
from streams.kafka.producer import KafkaProducer
from streams.kafka.topic_admin import TopicAdmin
from streams.topic_plan import manifest
from streams.topic_plan import plan as planned
from streams.topics import LABELS, TRAINING_REQUESTED
from tests.integration.trainers.triggers.worker import CONFIG
from tests.unit.trainers.triggers.facts import settled
from trainers.triggers.stage import Triggers

ROOT = Path(__file__).parents[4]
PATIENCE_S = 90.0
STOP_S = 10.0


@dataclass
class Office:
    """A log with topics of its own."""

    bootstrap: str
    labelled: int = 0

    def __post_init__(self) -> None:
        prefix = f"trig-{uuid4().hex[:8]}"
        self.kafka = KafkaConfig(bootstrap_servers=self.bootstrap, prefix=prefix, session_timeout_ms=6000)
        self.admin = TopicAdmin(self.kafka)
        self.producer = KafkaProducer(self.kafka)
        ours = {topic.full_name(prefix) for topic in Triggers.sources}
        for step in planned([state for state in manifest(prefix, []) if state.name in ours], {}):
            self.admin.apply(step)

    def label(self, count: int) -> None:
        """So many new labels, all in the middle of one window: none comes late for it."""
        time.sleep((0.3 - time.time() % CONFIG.window_s) % CONFIG.window_s)
        for number in range(self.labelled, self.labelled + count):
            fact = settled(f"item-{number}")
            self.producer.send(LABELS.full_name(self.kafka.prefix), encode(fact, "tests"))
        self.producer.flush(10.0)
        self.labelled += count

    def ask(self) -> TrainingRequested:
        """A person asks."""
        fact = TrainingRequested(job_id=f"manual-{uuid4()}", cause="manual")
        self.producer.send(TRAINING_REQUESTED.full_name(self.kafka.prefix), encode(fact, "tests"))
        self.producer.flush(10.0)
        return fact

    def asked(self) -> list[TrainingRequested]:
        """All requests in the log, those of people apart."""
        records = read_topic(self.kafka, TRAINING_REQUESTED.full_name(self.kafka.prefix))
        facts = [decode(record, TRAINING_REQUESTED.events) for record in records]
        return [fact for fact in facts if isinstance(fact, TrainingRequested) and fact.cause != "manual"]

    @contextmanager
    def running(self) -> Iterator[FaustRunner]:
        """Triggers in a thread of this process, as the worker has them; ready, and at the end of the log."""
        triggers = Triggers(CONFIG, self.kafka.prefix)
        runner = FaustRunner(triggers, CONFIG, self.kafka, KafkaProducer(self.kafka))
        thread = threading.Thread(target=runner.run, name="triggers")
        thread.start()
        try:
            until(lambda: runner.health.report.ready and runner.health.report.lag == 0, "the end of the log")
            yield runner
        finally:
            runner.stop()
            thread.join(STOP_S)
            assert not thread.is_alive(), "triggers did not stop"
            assert runner.health.report.state is State.STOPPED

    @contextmanager
    def worker(self) -> Iterator[None]:
        """A process that is killed at the end, without a chance to say anything."""
        command = [sys.executable, "-m", "tests.integration.trainers.triggers.worker", self.bootstrap]
        process = subprocess.Popen([*command, self.kafka.prefix], cwd=ROOT, stdout=subprocess.DEVNULL)
        try:
            yield
        finally:
            process.kill()
            process.wait(10)


def windows_pass(count: int = 3) -> None:
    """Some more ends of windows, at each of which it is decided."""
    time.sleep(count * CONFIG.window_s)


def until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, f"in vain: {what}"
        time.sleep(0.1)
