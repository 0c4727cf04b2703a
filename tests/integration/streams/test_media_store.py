"""The media store over the S3 protocol: moto's HTTP server on a free port, spoken to as to any S3."""

from collections.abc import Iterator
from typing import Any

import boto3  # type: ignore[import-untyped]
import pytest
from moto.server import ThreadedMotoServer
from pydantic import SecretStr

from streams.errors import Unavailable
from streams.media.config import MediaConfig
from streams.media.store import MediaStore
from tests.contract.media_store import MediaStoreContract, ref_of

BUCKET, PREFIX = "millrace-media", "shared/prefix"


@pytest.fixture(scope="module")
def s3_address() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def s3_client(s3_address: str) -> Any:
    client = boto3.client(
        "s3", endpoint_url=s3_address, region_name="us-east-1", aws_access_key_id="key", aws_secret_access_key="secret"
    )
    client.create_bucket(Bucket=BUCKET)
    return client


def s3_config(address: str, bucket: str = BUCKET) -> MediaConfig:
    return MediaConfig(
        url=f"s3://{bucket}/{PREFIX}",
        endpoint=address,
        region="us-east-1",
        access_key_id=SecretStr("key"),
        secret_access_key=SecretStr("secret"),
        max_retries=0,
        timeout_s=10,
    )


class TestMediaStoreOnS3(MediaStoreContract):
    @pytest.fixture
    def store(self, s3_address: str, s3_client: Any) -> MediaStore:
        self.client = s3_client
        return MediaStore.open(s3_config(s3_address))

    def overwrite(self, uri: str, content: bytes) -> None:
        self.client.put_object(Bucket=BUCKET, Key=f"{PREFIX}/{uri}", Body=content)


def test_objects_lie_below_the_prefix_of_the_bucket(s3_address: str, s3_client: Any) -> None:
    ref = MediaStore.open(s3_config(s3_address)).put(b"below", "text/plain")
    found = s3_client.get_object(Bucket=BUCKET, Key=f"{PREFIX}/{ref.uri}")
    assert found["Body"].read() == b"below"


def test_a_missing_bucket_is_unavailable_and_condemns_no_record(s3_address: str) -> None:
    store = MediaStore.open(s3_config(s3_address, bucket="nobody-made-this"))
    with pytest.raises(Unavailable, match="NoSuchBucket"):
        store.get(ref_of(b"x"))


def test_a_missing_bucket_takes_no_bytes(s3_address: str) -> None:
    with pytest.raises(Unavailable, match="create its bucket"):
        MediaStore.open(s3_config(s3_address, bucket="nobody-made-this")).put(b"x", "text/plain")


def test_a_server_that_is_down_is_unavailable() -> None:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    server.stop()
    with pytest.raises(Unavailable, match="does not answer"):
        MediaStore.open(s3_config(f"http://{host}:{port}")).get(ref_of(b"x"))
