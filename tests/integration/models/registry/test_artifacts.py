"""Artifacts over the S3 protocol: moto's HTTP server on a free port, spoken to as to any S3."""

from collections.abc import Iterator
from typing import Any

import boto3  # type: ignore[import-untyped]
import pytest
from moto.server import ThreadedMotoServer
from pydantic import SecretStr

from models.registry.artifacts import ArtifactStore
from streams.errors import Unavailable
from streams.media.config import MediaConfig
from tests.contract.artifacts import ArtifactsContract

BUCKET, PREFIX = "millrace-models", "shared/prefix"


@pytest.fixture(scope="module")
def s3_address() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def s3_config(address: str, bucket: str) -> MediaConfig:
    return MediaConfig(
        url=f"s3://{bucket}/{PREFIX}",
        endpoint=address,
        region="us-east-1",
        access_key_id=SecretStr("key"),
        secret_access_key=SecretStr("secret"),
        max_retries=0,
        timeout_s=30,
    )


class TestS3(ArtifactsContract):
    @pytest.fixture
    def store(self, s3_address: str) -> ArtifactStore:
        keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
        self.client: Any = boto3.client("s3", endpoint_url=s3_address, region_name="us-east-1", **keys)
        self.client.create_bucket(Bucket=BUCKET)
        return ArtifactStore.open(s3_config(s3_address, BUCKET))

    def overwrite(self, uri: str, content: bytes) -> None:
        self.client.put_object(Bucket=BUCKET, Key=f"{PREFIX}/{uri}", Body=content)

    def remove(self, uri: str) -> None:
        self.client.delete_object(Bucket=BUCKET, Key=f"{PREFIX}/{uri}")


def test_a_missing_bucket_is_unavailable_and_condemns_no_model(s3_address: str) -> None:
    store = ArtifactStore.open(s3_config(s3_address, "nobody-made-this"))
    with pytest.raises(Unavailable, match="the artifact store"):
        store.get_bytes("ab" * 32)
    with pytest.raises(Unavailable, match="the artifact store"):
        store.put_bytes(b"a manifest")
