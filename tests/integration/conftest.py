"""Real parts, each started once a session."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from infra.broker.broker import Broker
from infra.broker.config import BrokerConfig
from infra.broker.jars import KafkaJars
from infra.supervisor.ports import free_port
from streams.errors import Misconfigured


def missing(what: str) -> NoReturn:
    """A part that cannot be had is a skip on a laptop and a failure in CI."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(what)


@pytest.fixture(scope="session")
def kafka_jars() -> tuple[Path, ...]:
    """The class path of the locked Kafka."""
    try:
        return KafkaJars.locked().ensure(BrokerConfig().jars_dir)
    except Misconfigured as error:
        missing(str(error))


@pytest.fixture(scope="session")
def kafka(kafka_jars: tuple[Path, ...], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a real broker that all tests share; give topics and groups names of your own."""
    broker = Broker(kafka_jars, tmp_path_factory.mktemp("kafka"), free_port(), free_port())
    broker.start()
    try:
        broker.wait_ready()
        yield broker.bootstrap
    finally:
        broker.stop()
