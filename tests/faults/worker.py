"""`python -m tests.faults.worker`: a worker as production builds it, with failpoints and perhaps a saboteur.

The product has no hooks for this. The stages come from infra.wiring, and the process is infra.worker's.
"""

import argparse
import faulthandler
import json
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from infra.settings import Settings, load_settings
from infra.wiring import STAGES, Workshop
from infra.worker.process import Parts, Worker
from models.vector_index.port import VectorIndex
from streams.runner import Runner
from streams.stage import BatchStage
from streams.topics import group_of
from tests.faults import sabotage
from tests.faults.failpoints import (
    Failpoints,
    Fuse,
    MinedConsumer,
    MinedProducer,
    mine_claims,
    mine_index,
    mine_tables,
    mined_stage,
)
from tests.faults.sabotage import Sabotage


def main(words: Sequence[str]) -> int:
    # The client library says useful things about outages, and one of them much too often.
    logging.getLogger("librdkafka").addFilter(lambda record: "Connection refused" not in record.getMessage())
    faulthandler.register(signal.SIGUSR1)
    parser = argparse.ArgumentParser()
    parser.add_argument("stages", nargs="+", choices=list(STAGES))
    parser.add_argument("--settings", type=Path, required=True, help="settings as JSON")
    parser.add_argument("--ops-port", type=int, required=True)
    parser.add_argument("--die-at", type=Fuse.parse, help="stage/point:count")
    parser.add_argument("--sabotage", type=Sabotage)
    asked = parser.parse_args(words)
    settings = load_settings(**json.loads(asked.settings.read_text()))
    parts = build(settings, asked.stages, Failpoints(asked.die_at), asked.sabotage)
    return Worker("+".join(asked.stages), parts, settings.worker, asked.ops_port).run()


def build(settings: Settings, stages: Sequence[str], failpoints: Failpoints, switch: Sabotage | None) -> Parts:
    workshop = Workshop(settings)
    if switch is Sabotage.RANDOM_IDS:
        sabotage.random_ids()
    if switch is Sabotage.NO_VERSION_GUARD:
        sabotage.no_version_guard()
    if "indexing" in stages:
        index = live_index(workshop)
        mine_index(index, failpoints)
        if switch is Sabotage.BARE_DELETE:
            sabotage.bare_delete(index)
    if "curation" in stages:
        mine_claims(workshop.metadata, failpoints)
    if "recording" in stages:
        _mine_recording(failpoints)
    runners = {name: _runner(workshop, name, failpoints, switch) for name in stages}
    return Parts(runners, close=workshop.close)


def live_index(workshop: Workshop) -> VectorIndex:
    """The engine's index of the one model version that these workers write; it stays open as long as they run."""
    with workshop.index._open.using(workshop.watch.current().encoder_version) as index:
        assert index is not None
        return index


def _mine_recording(failpoints: Failpoints) -> None:
    from consumers.recording import clickhouse

    made = clickhouse.ClickHouseTables.__init__

    def mined(self: clickhouse.ClickHouseTables, *arguments: object, **named: object) -> None:
        made(self, *arguments, **named)  # type: ignore[arg-type]
        mine_tables(self, failpoints)

    clickhouse.ClickHouseTables.__init__ = mined  # type: ignore[method-assign]


def _runner(workshop: Workshop, name: str, failpoints: Failpoints, switch: Sabotage | None) -> Runner:
    """As Workshop.runner does it, with mined parts."""
    kafka = workshop.settings.kafka
    stage = STAGES[name](workshop)
    assert isinstance(stage, BatchStage)
    consumer = MinedConsumer(
        kafka, group_of(kafka.prefix, name), [topic.full_name(kafka.prefix) for topic in stage.sources]
    )
    producer = MinedProducer(kafka)
    consumer.mine(name, failpoints)
    producer.mine(name, failpoints)
    if switch is Sabotage.COMMIT_BEFORE_WRITE:
        sabotage.commit_before_write(consumer)
    if switch is Sabotage.LETTERS_NOT_FLUSHED:
        sabotage.letters_not_flushed(producer)
    runner = Runner(mined_stage(stage, failpoints), consumer, producer, kafka.prefix, workshop.settings.runner)
    consumer.on_revoked = runner.revoked
    return runner


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
