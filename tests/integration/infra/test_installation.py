from pathlib import Path

import pytest

from infra.installation import Installation, installation
from infra.settings import Settings, flags
from infra.supervisor.child import ProcessSpec
from streams.kafka.config import KafkaConfig


def nobody_watches(_there: int, _needed: int) -> None:
    pass


def nobody_listens(_name: str, _what: str) -> None:
    pass


@pytest.fixture
def on_a_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    monkeypatch.setattr(flags, "assignments", ["kafka.prefix=mine"])
    settings = Settings(data_dir=tmp_path, kafka=KafkaConfig(bootstrap_servers="cluster:9092"))
    return installation(settings, nobody_watches, nobody_listens)


def worker(parts: Installation, name: str) -> ProcessSpec:
    return {spec.name: spec for spec in parts.workers}[name]


def test_a_configured_cluster_takes_the_place_of_the_broker(on_a_cluster: Installation) -> None:
    assert on_a_cluster.foundations == ()
    assert on_a_cluster.bootstrap == "cluster:9092"


def test_every_worker_is_told_where_kafka_is_and_keeps_the_settings_of_the_command_line(
    on_a_cluster: Installation,
) -> None:
    for spec in on_a_cluster.workers:
        words = list(spec.command)
        assigned = [words[place + 1] for place, word in enumerate(words) if word == "--set"]
        told = ["kafka.bootstrap_servers=cluster:9092", f"api.public_url={on_a_cluster.api_url}"]
        assert assigned == ["kafka.prefix=mine", *told]


def test_only_the_process_with_the_api_gets_a_port_for_it(on_a_cluster: Installation) -> None:
    assert [spec.name for spec in on_a_cluster.workers if "--api-port" in spec.command] == ["search"]
    assert on_a_cluster.api_url == f"http://127.0.0.1:{worker(on_a_cluster, 'search').ports['api']}"


def test_the_embedded_broker_is_ready_to_start_when_the_plan_is_made(
    tmp_path: Path, kafka_jars: tuple[Path, ...]
) -> None:
    parts = installation(Settings(data_dir=tmp_path), nobody_watches, nobody_listens)
    [broker] = parts.foundations
    assert broker.name == "broker"
    assert parts.bootstrap == f"127.0.0.1:{broker.ports['kafka']}"
    assert (tmp_path / "kafka" / "log" / "meta.properties").is_file()
