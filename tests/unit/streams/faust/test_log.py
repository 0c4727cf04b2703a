"""What Faust is told about a cluster."""

from pathlib import Path

import faust
import pytest

from streams.errors import Misconfigured
from streams.faust.log import credentials
from streams.kafka.config import KafkaConfig


def test_a_plain_cluster_needs_no_credentials() -> None:
    assert credentials(KafkaConfig()) is None


def test_sasl_settings_are_carried_over() -> None:
    found = credentials(
        KafkaConfig(
            security_protocol="SASL_PLAINTEXT",
            sasl_mechanism="SCRAM-SHA-512",
            sasl_username="mill",
            sasl_password="wheel",
        )
    )
    assert isinstance(found, faust.SASLCredentials)
    assert (found.username, found.password) == ("mill", "wheel")
    assert (found.protocol.value, found.mechanism.value) == ("SASL_PLAINTEXT", "SCRAM-SHA-512")


def test_sasl_over_tls_says_so() -> None:
    found = credentials(KafkaConfig(security_protocol="SASL_SSL", sasl_username="mill", sasl_password="wheel"))
    assert (found.protocol.value, found.mechanism.value) == ("SASL_SSL", "PLAIN")
    assert found.ssl_context is not None


def test_tls_checks_the_name_of_the_server() -> None:
    found = credentials(KafkaConfig(security_protocol="SSL"))
    assert found.context.check_hostname


def test_certificates_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"the kafka\.ssl_… settings"):
        credentials(KafkaConfig(security_protocol="SSL", ssl_ca_location=str(tmp_path / "none.pem")))


def test_a_mechanism_that_needs_more_than_settings_is_refused() -> None:
    with pytest.raises(Misconfigured, match="OAUTHBEARER"):
        credentials(KafkaConfig(security_protocol="SASL_SSL", sasl_mechanism="OAUTHBEARER"))
