"""One real broker for all fault tests; some of them kill it and start it again."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from infra.broker.broker import Broker
from infra.broker.config import BrokerConfig
from infra.broker.jars import KafkaJars
from infra.supervisor.ports import free_port
from streams.errors import Misconfigured
from tests.conftest import missing
from tests.faults.mill import Mill, WorkerProcess


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    try:
        jars = KafkaJars.locked().ensure(BrokerConfig().jars_dir)
    except Misconfigured as error:
        missing(str(error))
    broker = Broker(jars, tmp_path_factory.mktemp("faults-kafka"), free_port(), free_port())
    broker.start()
    try:
        broker.wait_ready()
        yield broker
    finally:
        broker.stop()


@pytest.fixture
def mill(broker: Broker, tmp_path: Path) -> Iterator[Callable[..., Mill]]:
    """Makes installations on prefixes of their own; ends the workers that a failed test leaves behind."""
    if not broker.running:
        broker.start()
        broker.wait_ready()
    started: list[WorkerProcess] = []

    class Tidy(Mill):
        def worker(self, *stages: str, **how: Any) -> WorkerProcess:
            worker = super().worker(*stages, **how)
            started.append(worker)
            return worker

    yield lambda **how: Tidy(broker, tmp_path, f"f{uuid4().hex[:8]}", **how)
    for worker in started:
        if worker.exit_code is None:
            worker.kill()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The long form is not skipped but left out: nothing is missing that it would need."""
    if config.getoption("--long-faults"):
        return
    long = [item for item in items if item.get_closest_marker("long_faults")]
    items[:] = [item for item in items if item not in long]
    config.hook.pytest_deselected(items=long)
