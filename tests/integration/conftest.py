"""Real parts, each started once a session."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.broker.broker import Broker
from infra.broker.config import BrokerConfig
from infra.broker.fast_start import record_start
from infra.broker.jars import KafkaJars
from infra.broker.java import recording_of
from infra.supervisor.ports import free_port
from streams.errors import Misconfigured
from tests.conftest import missing


@pytest.fixture(scope="session")
def kafka_jars() -> tuple[Path, ...]:
    """The class path of the locked Kafka, with a recorded start, as the many brokers of these tests profit from it."""
    try:
        jars = KafkaJars.locked().ensure(BrokerConfig().jars_dir)
    except Misconfigured as error:
        missing(str(error))
    if not recording_of(jars).is_file():
        record_start(jars)
    return jars


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
