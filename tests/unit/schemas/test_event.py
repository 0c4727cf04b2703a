from datetime import UTC, datetime
from uuid import UUID, uuid5

import pytest
from pydantic import ValidationError

from schemas.event import Event, new_traceparent
from schemas.items import ItemPublished, ItemRejected, ItemWithdrawn, RejectReason

CAUSE = ItemPublished(
    item_id="a",
    text="words",
    event_id=UUID("5f0c2d1e-8f3e-4a55-9a0b-0d4c1f6f7a11"),
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
)


def rejected(part: int | str = 0) -> ItemRejected:
    return ItemRejected.following(CAUSE, part, item_id="a", version=1, reason=RejectReason.EMPTY)


def test_a_consequence_computed_twice_is_the_same_event() -> None:
    assert rejected().event_id == rejected().event_id == uuid5(CAUSE.event_id, "ItemRejected/0")


def test_siblings_are_told_apart_by_part() -> None:
    assert len({rejected(0).event_id, rejected(1).event_id, rejected("1/x").event_id}) == 3


def test_consequences_of_two_types_differ() -> None:
    assert ItemWithdrawn.following(CAUSE, item_id="a").event_id != rejected().event_id


def test_a_consequence_belongs_to_the_trace_of_its_cause_with_a_span_of_its_own() -> None:
    version, trace, span, flags = rejected().traceparent.split("-")
    assert (version, trace, flags) == ("00", "0af7651916cd43dd8448eb211c80319c", "00")
    assert span != "b7ad6b7169203331"


def test_a_consequence_with_a_bad_field_is_refused() -> None:
    with pytest.raises(ValidationError):
        ItemRejected.following(CAUSE, item_id="a", version=-1, reason=RejectReason.EMPTY)


def test_two_first_causes_are_never_the_same_event() -> None:
    assert ItemWithdrawn(item_id="a").event_id != ItemWithdrawn(item_id="a").event_id


def test_a_fact_is_never_edited() -> None:
    with pytest.raises(ValidationError):
        CAUSE.text = "other words"  # type: ignore[misc]


def test_unknown_fields_are_ignored() -> None:
    assert ItemWithdrawn.model_validate({"item_id": "a", "colour": "red"}).item_id == "a"


def test_a_fresh_trace_is_valid_and_sampled() -> None:
    first, second = new_traceparent(), new_traceparent()
    assert first != second
    assert ItemWithdrawn(item_id="a", traceparent=first).traceparent.endswith("-01")


def test_an_event_happens_now_unless_it_says_otherwise() -> None:
    before = datetime.now(UTC)
    assert before <= ItemWithdrawn(item_id="a").occurred_at <= datetime.now(UTC)


@pytest.mark.parametrize(
    "time", ["2026-11-22T08:00:00", "1969-12-31T23:59:59Z", "2200-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00"]
)
def test_a_moment_without_zone_or_out_of_range_is_refused(time: str) -> None:
    with pytest.raises(ValidationError):
        ItemWithdrawn.model_validate({"item_id": "a", "occurred_at": time})


def test_the_type_name_carries_the_major_version() -> None:
    class Second(Event):
        major = 2

    assert (ItemPublished.type_name(), Second.type_name()) == ("millrace.ItemPublished.v1", "millrace.Second.v2")
