import json
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from infra.contracts.json_schemas import DIALECT, body_schema, schema_name
from schemas.catalogue import EVENT_CLASSES
from schemas.event import ENVELOPE_FIELDS, Event
from schemas.items import ItemPublished
from streams.codec import decode, encode
from streams.record import Record
from tests.unit.schemas.bodies import bodies, events
from tests.unit.streams.test_golden import GOLDEN, load

EVENTS = pytest.mark.parametrize("event", EVENT_CLASSES, ids=lambda event: event.__name__)
A_FEW = settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])


@cache
def validator_of(event: type[Event]) -> Draft202012Validator:
    return Draft202012Validator(body_schema(event), format_checker=FormatChecker())


def faults(event: type[Event], body: Any) -> list[str]:
    return [error.message for error in validator_of(event).iter_errors(body)]


@EVENTS
def test_a_schema_is_json_schema_2020_12(event: type[Event]) -> None:
    schema = body_schema(event)
    assert schema["$schema"] == DIALECT
    Draft202012Validator.check_schema(schema)


@EVENTS
@A_FEW
@given(data=st.data())
def test_what_is_encoded_obeys_the_schema(event: type[Event], data: st.DataObject) -> None:
    encoded = encode(data.draw(events(event)), "test")
    assert faults(event, json.loads(encoded.value or b"")) == []


@EVENTS
@A_FEW
@given(data=st.data())
def test_what_obeys_the_schema_is_read(event: type[Event], data: st.DataObject) -> None:
    body = data.draw(bodies(event))
    assert faults(event, body) == []
    assert isinstance(event.model_validate(body), event)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_records_of_earlier_releases_obey_the_schema(path: Any) -> None:
    record, _ = load(path)
    event = type(decode(Record("t", 0, 0, record.key, record.value, record.headers), EVENT_CLASSES))
    assert faults(event, json.loads(record.value or b"")) == []


@EVENTS
def test_the_envelope_is_not_part_of_the_body(event: type[Event]) -> None:
    assert not ENVELOPE_FIELDS & body_schema(event)["properties"].keys()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"item_id": ""},
        {"item_id": "a", "text": 7},
        {"item_id": "a", "tenant": "a/b"},
        {"item_id": "a", "modality": "x"},
    ],
    ids=str,
)
def test_what_the_reader_refuses_the_schema_refuses(body: dict[str, Any]) -> None:
    assert faults(ItemPublished, body)


def test_fields_are_explained() -> None:
    assert body_schema(ItemPublished)["properties"]["source"]["description"].startswith("Where the data comes from")


def test_the_file_name_carries_the_major() -> None:
    assert schema_name(ItemPublished) == "ItemPublished.v1.json"
