"""What a benchmark stands on: a real broker, a folder, and how often to repeat."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

from schemas.event import Event
from streams.codec import encode
from streams.kafka.config import KafkaConfig
from streams.kafka.consumer import KafkaConsumer
from streams.kafka.letter_box import read_topic
from streams.kafka.producer import KafkaProducer
from streams.kafka.topic_admin import TopicAdmin
from streams.port import Start
from streams.runner import Runner
from streams.stage import AnyStage
from streams.topic_plan import Step
from streams.topics import Topic
from tests.benchmarks.harness import PAIRS

FLUSH_S = 60.0
cpu_s = time.process_time
"""Of all threads of this process, those of the client libraries included; the broker is another process."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Given to every benchmark."""

    bootstrap: str
    folder: Path
    """Empty, and its own."""
    quick: bool = False
    """A tenth of the work and fewer pairs: shows that a benchmark runs, and nothing else."""

    @property
    def pairs(self) -> int:
        return 3 if self.quick else PAIRS

    def count(self, number: int) -> int:
        return max(200, number // 10) if self.quick else number


class Log:
    """Topics of one benchmark on the real broker, under a prefix that nobody else uses."""

    def __init__(self, ground: Ground) -> None:
        self.config = KafkaConfig(bootstrap_servers=ground.bootstrap, prefix=f"bench-{uuid4().hex[:8]}")
        self._admin = TopicAdmin(self.config)

    def create(self, topic: Topic, partitions: int = 4) -> str:
        """Its full name."""
        name = topic.full_name(self.config.prefix)
        self._admin.apply(Step(name, True, partitions, {}))
        return name

    def fill(self, topic: Topic, events: Iterable[Event], source: str) -> None:
        producer = KafkaProducer(self.config)
        for event in events:
            producer.send(topic.full_name(self.config.prefix), encode(event, source))
        producer.flush(FLUSH_S)
        producer.close()

    def written(self, name: str) -> int:
        """Records in a topic."""
        return sum(self._admin.ends([name]).values())

    def digest(self, name: str) -> str:
        """Of all keys, values and headers in a topic, whatever their order."""
        total = 0
        for record in read_topic(self.config, name):
            content = repr((record.key, record.value, sorted(record.headers))).encode()
            total += int.from_bytes(sha256(content).digest()[:16])
        return f"{total % 2**128:032x}"

    def runner(self, stage: AnyStage) -> Runner:
        names = [topic.full_name(self.config.prefix) for topic in stage.sources]
        consumer = KafkaConsumer(self.config, f"{self.config.prefix}.{stage.name}", names)
        runner = Runner(stage, consumer, KafkaProducer(self.config), self.config.prefix)
        consumer.on_revoked = runner.revoked
        return runner


def settle_again(runner: Runner, records: int) -> int:
    """Reads the topic from its beginning until so many records are settled; how many they were."""
    runner.replay(Start())
    done = 0
    while done < records:
        done += runner.run_once()
    return done
