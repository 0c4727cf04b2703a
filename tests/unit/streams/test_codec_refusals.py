from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.annotations import AnnotationChanged
from schemas.catalogue import EVENT_CLASSES, EVENT_TYPES
from schemas.event import Event
from schemas.items import ItemEmbedded, ItemPublished
from streams.codec import decode, encode
from streams.errors import BadRecord, NotYet
from streams.record import Record
from tests.unit.schemas.bodies import events
from tests.unit.streams.records import BODY, HEADERS, annotation, outcome, record, refusal

# -- what can never be read


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"ce_type": None}, "missing_type"),
        ({"ce_type": b"shop.OrderPlaced.v1"}, "unknown_type"),
        ({"ce_type": b""}, "unknown_type"),
        ({"ce_type": b"\xff\xfe"}, "unknown_type"),
        ({"ce_type": b"millrace.ItemPublished.v0"}, "unknown_type"),
        ({"ce_type": b"millrace.ItemPublished.v02"}, "unknown_type"),
        ({"ce_type": b"millrace.ItemPublished.v"}, "unknown_type"),
        ({"ce_type": "millrace.ItemPublished.v²".encode()}, "unknown_type"),
        ({"ce_type": "millrace.ItemPublished.v٣".encode()}, "unknown_type"),
        ({"ce_type": b"millrace.ItemCurated.v1"}, "unexpected_type"),
        ({"ce_id": None}, "missing_envelope"),
        ({"ce_time": None}, "missing_envelope"),
        ({"ce_id": b""}, "invalid_envelope"),
        ({"ce_id": b"order-17"}, "invalid_envelope"),
        ({"ce_id": b"\xff"}, "invalid_envelope"),
        ({"ce_time": b"yesterday"}, "invalid_envelope"),
        ({"ce_time": b"\xff"}, "invalid_envelope"),
        ({"ce_time": b"1763798400"}, "invalid_envelope"),
        ({"ce_time": b"2026-11-22T08:00:00"}, "invalid_event"),
        ({"ce_time": b"0001-01-01T00:00:00+14:00"}, "invalid_event"),
        ({"ce_time": b"9999-12-31T23:59:59-14:00"}, "invalid_event"),
        ({"traceparent": b"00-xyz"}, "invalid_event"),
        ({"traceparent": b"\xff"}, "invalid_envelope"),
    ],
    ids=str,
)
def test_a_bad_header_makes_a_bad_record(changed: dict[str, bytes | None], reason: str) -> None:
    assert refusal(record(**changed)).reason == reason


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "empty_value"),
        (b"", "invalid_json"),
        (b"   ", "invalid_json"),
        (b"{", "invalid_json"),
        (b"null", "invalid_json"),
        (b"[]", "invalid_json"),
        (b'"words"', "invalid_json"),
        (b'{"item_id":"a","text":"words"} x', "invalid_json"),
        (b"{'item_id':'a'}", "invalid_json"),
        (b'\xef\xbb\xbf{"item_id":"a","text":"words"}', "invalid_json"),
        ('{"item_id":"a","text":"words"}'.encode("utf-16"), "invalid_json"),
        (b'{"item_id":"a","text":"\xff"}', "invalid_json"),
        (b'{"item_id":"a","text":"\xed\xa0\x80"}', "invalid_json"),
        (b'{"item_id":"a","text":"\\ud800"}', "invalid_json"),
        (b'{"item_id":"a","text":"","attributes":{"\\udfff":""}}', "invalid_json"),
        (b'{"item_id":"a","text":"line\nbreak"}', "invalid_json"),
        (b'{"item_id":"a","text":"","unknown":NaN}', "invalid_json"),
        (b'{"item_id":"a","text":"","unknown":-Infinity}', "invalid_json"),
        (b'{"item_id":"a","text":"","unknown":' + b"9" * 5000 + b"}", "invalid_json"),
        (b'{"item_id":"a","text":"","unknown":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "invalid_json"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "invalid_json"),
        (b"{}", "invalid_event"),
        (b'{"item_id":"a"}', "invalid_event"),
        (b'{"item_id":"","text":"words"}', "invalid_event"),
        (b'{"item_id":"a","text":7}', "invalid_event"),
        (b'{"item_id":"a","text":"","tenant":"a/b"}', "invalid_event"),
        (b'{"item_id":"a","text":"","tenant":"shop\\n"}', "invalid_event"),
        (b'{"item_id":"a","text":"","modality":"smell"}', "invalid_event"),
    ],
    ids=lambda case: repr(case)[:50],
)
def test_a_bad_value_makes_a_bad_record(value: bytes | None, reason: str) -> None:
    assert refusal(record(value)).reason == reason


@pytest.mark.parametrize(
    "number", [b"1e400", b"-1", b"1.5", b"9007199254740992", b"9" * 4000, b"NaN"], ids=lambda n: n[:12]
)
def test_a_version_is_a_whole_number_that_json_keeps_exactly(number: bytes) -> None:
    bad = record(b'{"item_id":"a","version":%s}' % number, ce_type=b"millrace.ItemWithdrawn.v1")
    assert refusal(bad).reason in {"invalid_event", "invalid_json"}


def test_an_infinite_number_inside_free_json_is_refused() -> None:
    body = (encode(annotation(0), "test").value or b"").replace(b'"value":0', b'"value":1e999')
    assert (
        refusal(record(body, ce_type=b"millrace.AnnotationChanged.v1"), (AnnotationChanged,)).reason == "invalid_event"
    )


def test_a_vector_shorter_than_it_claims_is_refused() -> None:
    body = b'{"item_id":"a","version":0,"modality":"text","model_version":"m","dim":2,"parts":[%s],"published_at":"%s"}'
    bad = body % (b'{"part":0,"modality":"text","vector":"AAAAAA=="}', b"2026-11-22T08:00:00Z")
    detail = refusal(record(bad, ce_type=b"millrace.ItemEmbedded.v1"), (ItemEmbedded,)).detail
    assert "vector of part 0" in detail


@pytest.mark.parametrize("key", [None, b"", b"a-1", b"default/a-2", b"\xff"], ids=repr)
def test_a_fact_about_an_item_under_another_key_is_refused_because_its_order_is_lost(key: bytes | None) -> None:
    assert refusal(record(key=key)).reason == "wrong_key"


def test_the_refusal_names_the_field_and_not_its_content() -> None:
    detail = refusal(record(b'{"item_id":"a","text":["secret"]}')).detail
    assert detail.startswith("text: ")
    assert "secret" not in detail


def test_the_refusal_stays_short() -> None:
    assert len(refusal(record(ce_type=b"x" * 100_000)).detail) <= 200


# -- what cannot be read yet


@pytest.mark.parametrize("major", [b"2", b"10", b"9" * 150])
def test_a_newer_major_version_waits_for_newer_code(major: bytes) -> None:
    with pytest.raises(NotYet) as caught:
        decode(record(ce_type=b"millrace.ItemPublished.v" + major), (ItemPublished,))
    assert caught.value.reason == "future_version"


def test_a_newer_major_version_is_not_even_looked_into() -> None:
    with pytest.raises(NotYet):
        decode(record(b"\xff", ce_type=b"millrace.ItemPublished.v2", ce_id=None), (ItemPublished,))


# -- whatever comes, nothing but an event or a refusal


HEADER_VALUES = st.binary(max_size=40) | st.sampled_from([*HEADERS.values(), *(name.encode() for name in EVENT_TYPES)])
ANY_HEADERS = st.lists(st.tuples(st.sampled_from([*HEADERS, "x"]), HEADER_VALUES), max_size=12).map(tuple)


@settings(max_examples=300)
@given(value=st.none() | st.binary() | st.just(BODY), headers=ANY_HEADERS, good=st.booleans())
def test_any_bytes_give_an_event_or_a_refusal(
    value: bytes | None, headers: tuple[tuple[str, bytes], ...], good: bool
) -> None:
    start = tuple(HEADERS.items()) if good else ()
    found = outcome(Record("t", 0, 0, b"default/a-1", value, (*start, *headers)), EVENT_CLASSES)
    assert isinstance(found, Event) or found.reason.isidentifier()


NASTY = st.sampled_from(
    [
        b"NaN",
        b"1e999",
        b"-0",
        b"null",
        b"[]",
        b"{}",
        b'"\\u0000"',
        b'"\\ud800"',
        b"9" * 5000,
        b"[" * 300,
        b'"\xff"',
        b"true",
    ]
)


@pytest.mark.parametrize("event_type", EVENT_CLASSES, ids=lambda event: event.__name__)
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(data=st.data())
def test_a_damaged_body_gives_an_event_or_a_refusal(event_type: type[Event], data: st.DataObject) -> None:
    good = encode(data.draw(events(event_type)), "test")
    value = good.value or b""
    start = data.draw(st.integers(0, len(value)))
    end = data.draw(st.integers(start, min(len(value), start + 20)))
    damaged = value[:start] + data.draw(NASTY | st.binary(max_size=4)) + value[end:]
    found = outcome(Record("t", 0, 0, good.key, damaged, good.headers), (event_type,))
    assert isinstance(found, event_type) or getattr(found, "reason", None) in {
        "invalid_json",
        "invalid_event",
        "wrong_key",
    }


@given(st.datetimes(timezones=st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))))
def test_any_moment_that_is_read_can_be_moved_to_utc(moment: datetime) -> None:
    found = outcome(record(ce_time=moment.isoformat().encode()))
    assert isinstance(found, BadRecord) or found.occurred_at.astimezone(UTC) == found.occurred_at  # type: ignore[union-attr]
