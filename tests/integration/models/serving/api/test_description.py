"""The API against its own description: requests made from it, good and bad, and answers held to it."""

from collections.abc import Iterator
from contextlib import closing

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.python import asgi
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from models.vector_index.edge import EdgeVectorIndex
from tests.integration.models.serving.api.edge_house import EdgeHouse

CHECKS = [
    not_a_server_error,  # the first: see NOT_HERE
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
OPERATIONS = [
    ("POST", "/v1/items"),
    ("DELETE", "/v1/items/{item_id}"),
    ("GET", "/v1/items/{item_id}"),
    ("POST", "/v1/retrieval/search"),
    ("POST", "/v1/feedback"),
    ("POST", "/v1/inference/embeddings"),
    ("POST", "/v1/inference/labels"),
    ("GET", "/v1/models"),
    ("GET", "/v1/models/{version}"),
    ("POST", "/v1/models/{version}/promote"),
    ("POST", "/v1/models/rollback"),
    ("POST", "/v1/train/jobs"),
    ("GET", "/v1/train/jobs"),
    ("GET", "/v1/train/jobs/{job_id}"),
    ("DELETE", "/v1/train/jobs/{job_id}"),
    ("POST", "/v1/eval/run"),
    ("POST", "/v1/index/build"),
    ("GET", "/v1/media/{digest}"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/v1/metrics"),
]
WITHOUT_PARAMETERS = {"/v1/index/build", "/healthz", "/readyz", "/v1/metrics"}
WITH_PARAMETERS = [operation for operation in OPERATIONS if operation[1] not in WITHOUT_PARAMETERS]
NOT_HERE = "/v1/index/build"
"""Answers 501, as described, which a check would take for a bug."""
BOUNDED = settings(
    max_examples=20,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BaseSchema]:
    folder = tmp_path_factory.mktemp("described")
    with closing(EdgeVectorIndex.open(folder / "index")) as index:
        mill = EdgeHouse(folder, index)
        mill.hold("deep", "still waters run deep")
        yield schemathesis.openapi.from_asgi("/openapi.json", mill.house.app)


@pytest.fixture(scope="module")
def client(described: BaseSchema) -> Iterator[asgi.ASGIClient]:
    with asgi.get_client(described.app) as client:
        yield client


def test_these_are_all_operations_that_the_description_has(described: BaseSchema) -> None:
    found = {(found.ok().method.upper(), found.ok().path) for found in described.get_all_operations()}
    assert found == set(OPERATIONS)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
@BOUNDED
@given(data=st.data())
def test_a_request_as_described_is_answered_as_described(
    described: BaseSchema, client: asgi.ASGIClient, method: str, path: str, data: st.DataObject
) -> None:
    case = data.draw(described[path][method].as_strategy(GenerationMode.POSITIVE))
    case.call_and_validate(session=client, checks=CHECKS[path == NOT_HERE :])


@pytest.mark.parametrize(("method", "path"), WITH_PARAMETERS)
@BOUNDED
@given(data=st.data())
def test_a_request_against_the_description_is_answered_as_described(
    described: BaseSchema, client: asgi.ASGIClient, method: str, path: str, data: st.DataObject
) -> None:
    case = data.draw(described[path][method].as_strategy(GenerationMode.NEGATIVE))
    case.call_and_validate(session=client, checks=CHECKS)
