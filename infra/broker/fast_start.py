"""Records one start of Kafka, once on a machine, so that later starts need not load and link its classes again."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import structlog

from infra.broker.broker import Broker
from infra.broker.java import recording_of, recording_to
from infra.supervisor.ports import free_port
from streams.errors import MillraceError

RECORDING_S = 60.0
"""Java writes the recording while it stops."""

logger = structlog.get_logger()


def record_start(jars: Sequence[Path]) -> None:
    """Makes the recording. Where that fails, brokers start without it, only slower."""
    try:
        with tempfile.TemporaryDirectory(prefix="recording-", dir=jars[0].parent) as folder:
            _record(jars, Path(folder))
    except (MillraceError, OSError) as error:
        logger.warning("a start of Kafka could not be recorded", reason=str(error))


def _record(jars: Sequence[Path], folder: Path) -> None:
    draft = folder / "start.aot"
    broker = Broker(jars, folder, free_port(), free_port(), java_options=recording_to(draft))
    broker.start()
    try:
        broker.wait_ready()
    finally:
        broker.stop(RECORDING_S)
    draft.replace(recording_of(jars))
