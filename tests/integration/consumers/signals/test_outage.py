"""A broker that goes away in the middle and comes back."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from consumers.signals.stage import Signals
from infra.broker.broker import Broker
from infra.supervisor.ports import free_port
from streams.faust.runner import FaustRunner
from streams.kafka.producer import KafkaProducer
from tests.integration.consumers.signals.use import Shop, until
from tests.integration.consumers.signals.worker import CONFIG
from tests.unit.consumers.signals.builders import final


@pytest.fixture
def broker(kafka_jars: tuple[Path, ...], tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(kafka_jars, tmp_path, free_port(), free_port())
    broker.start()
    broker.wait_ready()
    yield broker
    broker.stop()


def test_what_was_searched_around_an_outage_is_measured_as_if_there_had_been_none(broker: Broker) -> None:
    shop = Shop(broker.bootstrap)
    pace = CONFIG.model_copy(update={"flush_timeout_s": 2.0})
    runner = FaustRunner(Signals(CONFIG, shop.kafka.prefix), pace, shop.kafka, KafkaProducer(shop.kafka))
    thread = threading.Thread(target=runner.run, name="signals")
    thread.start()
    until(lambda: runner.health.report.ready, "ready")
    shop.visits_for(1.0)
    broker.stop()
    until(lambda: not runner.health.report.ready, "an outage that is told")
    broker.start()
    broker.wait_ready()
    shop.visits_for(1.0)
    until(lambda: shop.lag() == 0 and runner.health.report.ready, "all windows closed")
    runner.stop()
    thread.join(20)
    assert not thread.is_alive()
    assert final(shop.measured()) == shop.expected()
