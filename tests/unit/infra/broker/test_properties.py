from pathlib import Path

from infra.broker.properties import MAX_RECORD_BYTES, log4j_properties, server_properties
from streams.topics import LETTER_BYTES


def settings() -> dict[str, str]:
    text = server_properties(Path("/data"), port=9092, controller_port=9093, min_session_timeout_ms=1_000)
    return dict(line.split("=", 1) for line in text.splitlines())


def test_every_listener_is_on_the_loopback() -> None:
    assert settings()["listeners"] == "PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093"


def test_nothing_in_the_log_expires_unless_its_topic_says_so() -> None:
    assert settings()["log.retention.ms"] == "-1"


def test_a_misspelt_topic_is_not_created() -> None:
    assert settings()["auto.create.topics.enable"] == "false"


def test_the_largest_letter_fits() -> None:
    assert int(settings()["message.max.bytes"]) == MAX_RECORD_BYTES > LETTER_BYTES


def test_the_log_goes_to_the_file_that_was_asked_for() -> None:
    assert "appender.file.fileName=/logs/broker.log\n" in log4j_properties(Path("/logs/broker.log"))
