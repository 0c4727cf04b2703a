import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.catalogue import EVENT_CLASSES
from schemas.event import Event
from schemas.items import EmbeddedPart, ItemEmbedded, ItemPublished, Modality
from schemas.searches import FeedbackGiven, FeedbackKind
from schemas.training import ModelReleased, ReleaseKind
from streams.codec import Encoded, decode, encode
from streams.errors import BadRecord
from streams.record import Record
from tests.unit.schemas.bodies import events
from tests.unit.streams.records import BODY, EVENT_ID, HEADERS, annotation, record, recorded

# -- what comes out is what went in


@pytest.mark.parametrize("event_type", EVENT_CLASSES, ids=lambda event: event.__name__)
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(data=st.data())
def test_any_valid_event_comes_back_as_it_was(event_type: type[Event], data: st.DataObject) -> None:
    event = data.draw(events(event_type))
    assert decode(recorded(encode(event, "test")), (event_type,)) == event


@given(st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=64))
def test_vectors_survive_bit_by_bit(numbers: list[float]) -> None:
    vector = np.array(numbers, dtype="<f4").tobytes()
    part = EmbeddedPart(part=0, modality=Modality.TEXT, vector=vector)
    event = ItemEmbedded(
        item_id="a",
        version=0,
        modality=Modality.TEXT,
        model_version="m",
        dim=len(numbers),
        parts=(part,),
        published_at=datetime.now(UTC),
    )
    found = decode(recorded(encode(event, "test")), (ItemEmbedded,))
    assert isinstance(found, ItemEmbedded)
    assert found.parts[0].vector == vector


@pytest.mark.parametrize("alphabet", [base64.b64encode, base64.urlsafe_b64encode], ids=["standard", "url-safe"])
def test_vectors_are_read_in_either_base64_alphabet(alphabet: Callable[[bytes], bytes]) -> None:
    body = {
        "item_id": "a-1",
        "version": 0,
        "modality": "text",
        "model_version": "m",
        "dim": 1,
        "published_at": "2026-11-22T08:00:00Z",
        "parts": [{"part": 0, "modality": "text", "vector": alphabet(b"\xff\xfb\xfe\x00").decode()}],
    }
    found = decode(record(json.dumps(body).encode(), ce_type=b"millrace.ItemEmbedded.v1"), (ItemEmbedded,))
    assert isinstance(found, ItemEmbedded)
    assert found.parts[0].vector == b"\xff\xfb\xfe\x00"


def test_the_envelope_travels_in_headers_and_nowhere_else() -> None:
    encoded = encode(ItemPublished(item_id="a-1", text="words", event_id=EVENT_ID), "millrace/test")
    headers = dict(encoded.headers)
    assert headers["ce_id"] == str(EVENT_ID).encode()
    assert headers["ce_type"] == b"millrace.ItemPublished.v1"
    assert headers["ce_source"] == b"millrace/test"
    assert headers["ce_subject"] == b"a-1"
    assert not {"event_id", "occurred_at", "traceparent"} & json.loads(encoded.value or b"").keys()


def test_facts_about_items_are_keyed_by_tenant_and_item() -> None:
    assert encode(ItemPublished(tenant="shop", item_id="ä/1", text=""), "test").key == "shop/ä/1".encode()


def test_releases_share_one_key_because_their_topic_keeps_the_last_of_each() -> None:
    event = ModelReleased(generation=1, model_version="m", kind=ReleaseKind.RELEASE)
    assert encode(event, "test").key == b"live"


def test_other_facts_have_no_key() -> None:
    assert encode(FeedbackGiven(impression_id=EVENT_ID, kind=FeedbackKind.CLICK, consent=True), "test").key is None


def test_size_counts_key_value_and_headers() -> None:
    assert Encoded(b"ab", b"cde", (("n", b"vv"),)).size == 8


def test_half_a_surrogate_from_elsewhere_cannot_be_written() -> None:
    with pytest.raises(BadRecord) as caught:
        encode(annotation("\ud800"), "test")
    assert caught.value.reason == "not_encodable"


# -- readers are patient


def test_unknown_fields_are_ignored() -> None:
    found = decode(record(b'{"item_id":"a-1","text":"words","colour":"red"}'), (ItemPublished,))
    assert isinstance(found, ItemPublished)
    assert found.text == "words"


def test_unknown_headers_are_ignored() -> None:
    assert decode(record(ce_dataschema=b"\xff", colour=b"red"), (ItemPublished,)).event_id == EVENT_ID


def test_the_envelope_is_never_taken_from_the_body() -> None:
    body = b'{"item_id":"a-1","text":"","event_id":"x","occurred_at":"y","traceparent":"z"}'
    found = decode(record(body), (ItemPublished,))
    assert (found.event_id, found.traceparent) == (EVENT_ID, HEADERS["traceparent"].decode())


def test_a_record_without_a_trace_starts_one() -> None:
    body = b'{"item_id":"a-1","text":"","traceparent":"z"}'
    assert len(decode(record(body, traceparent=None), (ItemPublished,)).traceparent) == 55


def test_the_last_of_two_equal_headers_counts() -> None:
    first = record()
    doubled = Record("t", 0, 0, b"default/a-1", BODY, (("ce_id", b"nonsense"), *first.headers))
    assert decode(doubled, (ItemPublished,)).event_id == EVENT_ID


def test_the_last_of_two_equal_fields_counts() -> None:
    found = decode(record(b'{"item_id":"a-1","text":"first","text":"last"}'), (ItemPublished,))
    assert isinstance(found, ItemPublished)
    assert found.text == "last"


@pytest.mark.parametrize("time", [b"2026-11-22T08:00:00Z", b"2026-11-22T09:00:00+01:00", b"2026-11-22T08:00:00.000Z"])
def test_the_same_moment_may_be_written_in_any_zone(time: bytes) -> None:
    assert decode(record(ce_time=time), (ItemPublished,)).occurred_at == datetime(2026, 11, 22, 8, tzinfo=UTC)
