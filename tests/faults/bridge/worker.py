"""`python -m tests.faults.bridge.worker FOLDER`: the bridge, killed and born again by order.

It reads orders, one JSON line each, forks a child that is the bridge of production with failpoints in it, and answers
with the child's id and, when it is dead, with how it died. Forking makes a birth cheap: what is imported stays so.
"""

import ctypes
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import structlog

from annotation.label_studio.client.label_studio import LabelStudio
from annotation.label_studio.config import LabelStudioConfig
from annotation.label_studio.exporter import Exporter
from annotation.label_studio.intake import Intake
from annotation.label_studio.outbox import Outbox
from annotation.label_studio.sending.drafts import Desk
from annotation.label_studio.stage import bridge_stage
from annotation.tasks import TaskConfig
from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from streams.runner import Runner, RunnerConfig
from streams.topics import ANNOTATIONS_REQUESTED, EMBEDDED
from tests.faults.bridge.file_log import FileConsumer, FileProducer
from tests.faults.bridge.points import Fuse, Point, Sabotage, mine, mine_producer, sabotage

PREFIX = "p"
REQUESTED = ANNOTATIONS_REQUESTED.full_name(PREFIX)
WITHDRAWN = EMBEDDED.full_name(PREFIX)
PR_SET_PDEATHSIG = 1
HASTE = {
    "settle_s": 0.5,
    "overlap_s": 0.3,
    "sweep_s": 2.0,
    "poll_s": 0.15,
    "export_s": 0.05,
    "backoff": {"first_s": 0.05, "longest_s": 0.2},
}


def main(folder: Path) -> None:
    _say(ready=True)
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            _live(folder, order)
        _say(child=child)
        _, status = os.waitpid(child, 0)
        _say(status=os.waitstatus_to_exitcode(status))


def _say(**words: object) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def _live(folder: Path, order: dict[str, Any]) -> None:
    """Never returns."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    log = (folder / "bridge.log").open("a", buffering=1)
    os.dup2(log.fileno(), 2)
    structlog.configure(logger_factory=structlog.WriteLoggerFactory(log))
    fuse = Fuse(Point(order["point"]) if order.get("point") else None, order.get("count", 1))
    sabotage(Sabotage(order["sabotage"]) if order.get("sabotage") else None)
    mine(fuse)
    bridge(folder, order["url"], order["token"], fuse).run()
    os._exit(0)


def bridge(folder: Path, url: str, token: str, fuse: Fuse) -> Runner:
    """The bridge with its services started; the runner is its stage."""
    desk = Desk(TaskConfig.model_validate_json((folder / "task.json").read_text()), lambda ref: ref.uri)
    config = LabelStudioConfig.model_validate(HASTE)
    engine = open_engine(MetadataConfig(url=f"sqlite:///{folder / 'bridge.db'}"))
    parts = (engine, LabelStudio(url, token, timeout_s=5.0), [desk], config, PREFIX)
    told = FileProducer(folder)
    mine_producer(told, fuse)
    Exporter(*parts).start()
    Intake(*parts, told).start()
    stage = bridge_stage(Outbox(engine), [desk])
    consumer = FileConsumer(folder, [REQUESTED, WITHDRAWN])
    return Runner(stage, consumer, FileProducer(folder), PREFIX, RunnerConfig())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
