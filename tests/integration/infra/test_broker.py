import socket
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from infra.broker.broker import Broker
from infra.broker.fast_start import record_start
from infra.broker.java import recording_of
from infra.supervisor.ports import free_port
from streams.codec import Encoded
from streams.errors import Misconfigured, Unavailable
from streams.kafka.clients import broker_answers
from streams.kafka.config import KafkaConfig
from streams.kafka.consumer import KafkaConsumer
from streams.kafka.producer import KafkaProducer
from streams.kafka.topic_admin import TopicAdmin
from streams.topic_plan import Step

TOPIC = "kept"


@pytest.fixture(scope="module")
def broker(kafka_jars: tuple[Path, ...], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    broker = Broker(kafka_jars, tmp_path_factory.mktemp("broker"), free_port(), free_port())
    broker.start()
    try:
        broker.wait_ready()
        yield broker
    finally:
        broker.stop()


def config_of(broker: Broker) -> KafkaConfig:
    return KafkaConfig(bootstrap_servers=broker.bootstrap, session_timeout_ms=1_000)


def write(broker: Broker, values: list[bytes]) -> None:
    """Each value once, tried again as the runner would: a broker that just came back may not know its topics yet."""
    producer, deadline = KafkaProducer(config_of(broker)), time.monotonic() + 60.0
    for value in values:
        while True:
            producer.send(TOPIC, Encoded(b"key", value, ()))
            try:
                producer.flush(30.0)
            except Unavailable:
                assert time.monotonic() < deadline, "the broker never took the record"
                time.sleep(0.2)
            else:
                break
    producer.close()


def read(broker: Broker, count: int) -> list[bytes | None]:
    consumer = KafkaConsumer(config_of(broker), "reader", [TOPIC])
    found: list[bytes | None] = []
    for _ in range(60):
        found += [record.value for record in consumer.poll(100, 0.5)]
        if len(found) >= count:
            break
    consumer.close()
    return found


def test_a_broker_listens_on_the_loopback_only(broker: Broker) -> None:
    assert broker.pid is not None
    connections = psutil.Process(broker.pid).net_connections(kind="inet")
    listening = {connection.laddr.ip for connection in connections if connection.status == psutil.CONN_LISTEN}
    assert {address.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}


def test_a_start_and_a_stop_can_be_read_in_its_log(broker: Broker) -> None:
    assert "Kafka Server started" in broker.log_tail()


def test_a_broker_starts_from_the_recorded_start(broker: Broker, kafka_jars: tuple[Path, ...]) -> None:
    assert recording_of(kafka_jars).is_file()
    assert f"-XX:AOTCache={recording_of(kafka_jars)}" in broker.command()


def test_a_start_that_cannot_be_recorded_is_no_obstacle(tmp_path: Path) -> None:
    record_start([tmp_path / "no.jar"])
    assert list(tmp_path.iterdir()) == []


def test_a_broker_that_cannot_start_says_so_with_the_words_of_its_log(
    kafka_jars: tuple[Path, ...], tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        broker = Broker(kafka_jars, tmp_path, taken.getsockname()[1], free_port())
        broker.start()
        with pytest.raises(Unavailable, match=r"(?s)server\.log says: .*(in use|bind)"):
            broker.wait_ready(60.0)


def test_a_second_broker_on_a_folder_is_refused_before_it_can_touch_the_log(
    broker: Broker, kafka_jars: tuple[Path, ...]
) -> None:
    with pytest.raises(Misconfigured, match="already runs"):
        Broker(kafka_jars, broker.data_dir, free_port(), free_port()).start()


def test_what_was_acknowledged_survives_a_sigkill_of_the_broker_and_a_change_of_its_ports(
    broker: Broker, kafka_jars: tuple[Path, ...]
) -> None:
    TopicAdmin(config_of(broker)).apply(Step(TOPIC, True, 1))
    write(broker, [b"first", b"second"])
    broker.kill()
    assert not broker_answers(config_of(broker), 0.5)

    again = Broker(kafka_jars, broker.data_dir, free_port(), free_port())
    again.start()
    try:
        again.wait_ready()
        write(again, [b"third"])
        assert read(again, 3) == [b"first", b"second", b"third"]
    finally:
        again.stop()
