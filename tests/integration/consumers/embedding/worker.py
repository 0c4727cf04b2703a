"""An embedding process with hashing encoders: stage and backfill, until it is ended. Run as a module by the tests."""

import sys
import threading
from pathlib import Path

from consumers.embedding.backfill import Backfill, BackfillLog
from consumers.embedding.config import EmbeddingConfig
from consumers.embedding.embedder import Embedder
from consumers.embedding.spaces import WrittenSpaces
from consumers.embedding.stage import embedding_stage
from models.registry.standing import Watch
from streams.kafka.config import KafkaConfig
from streams.kafka.consumer import KafkaConsumer
from streams.kafka.producer import KafkaProducer
from streams.kafka.scan import KafkaScan
from streams.media.store import MediaStore
from streams.runner import Runner
from streams.topics import CURATED, group_of
from tests.unit.consumers.embedding.registered import LIVE, registry_in, shelf_of

CONFIG = EmbeddingConfig(max_records=8, backfill_items_per_s=150, backfill_look_s=0.05, backfill_mark_s=0.1)


def kafka_of(bootstrap: str, prefix: str) -> KafkaConfig:
    return KafkaConfig(bootstrap_servers=bootstrap, prefix=prefix, instance="worker", session_timeout_ms=6000)


def main(folder: Path, bootstrap: str, prefix: str) -> None:
    kafka, registry = kafka_of(bootstrap, prefix), registry_in(folder)
    media = MediaStore.open(folder / "media")
    watch, shelf, embedder = Watch(registry, LIVE), shelf_of(registry, folder), Embedder(media, CONFIG)
    log = BackfillLog(KafkaScan(kafka), KafkaProducer(kafka), prefix)
    backfill = Backfill(registry, watch, shelf, embedder, log, CONFIG, "worker")
    stage = embedding_stage(WrittenSpaces(watch, shelf), media, CONFIG, embedder)
    consumer = KafkaConsumer(kafka, group_of(prefix, stage.name), [CURATED.full_name(prefix)])
    runner = Runner(stage, consumer, KafkaProducer(kafka), prefix)
    consumer.on_revoked = runner.revoked
    sys.stdout.write("begun\n")  # before the first thing that logs
    sys.stdout.flush()
    backfill.start()
    threading.Thread(target=_end_with_the_test, args=(runner,), daemon=True).start()
    runner.run()
    backfill.stop()


def _end_with_the_test(runner: Runner) -> None:
    sys.stdin.read()  # closed when the test ends, however it ends
    runner.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
