"""Columns derived from the models: every event has a row, and what is kept of it is what was said."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from pydantic import JsonValue

from consumers.recording.columns import columns_of
from schemas.annotations import AnnotationCompleted, ItemScored
from schemas.catalogue import EVENT_CLASSES
from schemas.event import Event
from schemas.items import (
    EmbeddedPart,
    Fact,
    ItemCurated,
    ItemEmbedded,
    ItemPublished,
    ItemRejected,
    MediaFacts,
    MediaRef,
    Modality,
    RejectReason,
)
from schemas.searches import Hit, SearchFilters, SearchServed
from streams.record import Origin
from streams.stage import Incoming

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
CAUSE = ItemPublished(item_id="a", text="words")
PICTURE = MediaRef(uri="media/ab/abc", sha256="0" * 64, length=12, media_type="image/png")


def row(event: Event, log_epoch: int = 0) -> dict[str, object]:
    incoming = Incoming(event, Origin("millrace.items.raw.v1", 3, 41))
    return {column.name: column.read(incoming) for column in columns_of(type(event), log_epoch)}


def types(event_type: type[Event]) -> dict[str, str]:
    return {column.name: column.type for column in columns_of(event_type)}


def search(*hits: Hit) -> SearchServed:
    filters = SearchFilters(modality=(Modality.TEXT, Modality.IMAGE))
    return SearchServed(
        query_text="mills", k=5, hits=hits, filters=filters, policy="hybrid-rrf", model_version="mini-1", latency_ms=4
    )


@pytest.mark.parametrize("event_type", EVENT_CLASSES)
def test_every_event_type_has_columns_with_names_of_their_own(event_type: type[Event]) -> None:
    names = [column.name for column in columns_of(event_type)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("event_type", EVENT_CLASSES)
def test_the_envelope_comes_first_and_the_place_in_the_log_last(event_type: type[Event]) -> None:
    names = [column.name for column in columns_of(event_type)]
    assert set(names[:3]) == {"event_id", "occurred_at", "traceparent"}
    assert names[-4:] == ["log_topic", "log_partition", "log_offset", "log_version"]


def test_the_envelope_is_typed() -> None:
    found = types(ItemRejected)
    assert found["event_id"] == "UUID"
    assert found["occurred_at"] == "DateTime64(6, 'UTC')"
    assert found["traceparent"] == "String"


def test_an_enum_is_a_low_cardinality_word() -> None:
    event = ItemRejected.following(CAUSE, item_id="a", version=1, reason=RejectReason.TOO_SMALL)
    assert types(ItemCurated)["modality"] == "LowCardinality(String)"
    assert type(row(event)["reason"]) is str
    assert row(event)["reason"] == "too_small"


def test_what_may_be_absent_may_be_null() -> None:
    found = types(ItemPublished)
    assert found["text"] == "Nullable(String)"
    assert found["nsfw_flag"] == "Nullable(Bool)"
    assert found["modality"] == "LowCardinality(Nullable(String))"
    assert row(CAUSE)["modality"] is None


def test_lists_and_maps_of_words_stay_lists_and_maps() -> None:
    event = ItemPublished(item_id="a", text="t", tags=("x", "y"), attributes={"split": "train"})
    assert types(ItemPublished)["tags"] == "Array(String)"
    assert types(ItemPublished)["attributes"] == "Map(String, String)"
    assert row(event)["tags"] == ("x", "y")
    assert row(event)["attributes"] == {"split": "train"}


def test_a_fact_in_a_field_lies_beside_the_others() -> None:
    found = row(ItemPublished(item_id="a", media=PICTURE))
    assert found["media_uri"] == "media/ab/abc"
    assert found["media_length"] == 12
    assert found["media_type"] == "image/png"


def test_the_fields_of_an_absent_fact_are_null() -> None:
    assert types(ItemPublished)["media_length"] == "Nullable(Int64)"
    assert row(CAUSE)["media_length"] is None


def test_an_absent_value_in_a_present_fact_is_null() -> None:
    event = ItemCurated.following(
        CAUSE,
        item_id="a",
        version=1,
        modality="image",
        content_sha256="0" * 64,
        published_at=NOON,
        media=PICTURE,
        media_facts=MediaFacts(width_px=640),
    )
    assert row(event)["media_facts_width_px"] == 640
    assert row(event)["media_facts_codec"] is None
    assert row(event)["published_at"] == NOON


def test_several_facts_become_arrays_of_equal_length() -> None:
    hits = [Hit(item_id=name, version=1, position=at, score=0.5, propensity=1) for at, name in enumerate("ab", 1)]
    assert types(SearchServed)["hits.position"] == "Array(Int64)"
    assert row(search(*hits))["hits.item_id"] == ["a", "b"]
    assert row(search(*hits))["hits.position"] == [1, 2]


def test_an_answer_without_hits_has_empty_arrays() -> None:
    assert row(search())["hits.item_id"] == []


def test_enums_in_a_list_are_words() -> None:
    assert types(SearchServed)["filters_modality"] == "Array(LowCardinality(String))"
    assert row(search())["filters_modality"] == ["text", "image"]


def test_numbers_of_an_inner_fact_keep_their_type() -> None:
    assert types(ItemScored)["uncertainty_margin"] == "Nullable(Float64)"


def test_vectors_and_their_words_are_left_out_but_parts_are_counted() -> None:
    part = EmbeddedPart(part=0, modality=Modality.TEXT, vector=b"\0\0\0\0", text="secret words")
    event = ItemEmbedded.following(
        CAUSE,
        item_id="a",
        version=1,
        modality="text",
        model_version="mini-1",
        dim=1,
        parts=(part, part.model_copy(update={"part": 1, "untrained": True})),
        published_at=NOON,
    )
    found = {name: value for name, value in row(event).items() if name.startswith("parts.")}
    assert found == {"parts.part": [0, 1], "parts.modality": ["text", "text"], "parts.untrained": [False, True]}


def test_free_json_is_kept_as_text() -> None:
    event = AnnotationCompleted(
        item_id="a",
        version=1,
        task="digits",
        request_id=UUID(int=1),
        annotation_key="1/2/3",
        revision=0,
        arm="active",
        annotator="ann",
        result=({"value": {"choices": ["seven"]}},),
    )
    assert types(AnnotationCompleted)["result"] == "String"
    assert row(event)["result"] == '[{"value":{"choices":["seven"]}}]'


def test_the_place_in_the_log_gives_the_version() -> None:
    found = row(CAUSE, log_epoch=2)
    assert (found["log_topic"], found["log_partition"], found["log_offset"]) == ("millrace.items.raw.v1", 3, 41)
    assert found["log_version"] == Origin("", 0, 41).version(log_epoch=2)


def test_a_field_that_no_column_can_hold_is_refused_by_name() -> None:
    class Odd(Event):
        parts: tuple[bytes, ...]

    with pytest.raises(TypeError, match=r"Odd\.parts: no column type"):
        columns_of(Odd)


def test_a_map_of_free_json_is_kept_as_text() -> None:
    class Loose(Event):
        extra: dict[str, JsonValue]

    assert types(Loose)["extra"] == "String"
    assert row(Loose(extra={"a": [1, None]}))["extra"] == '{"a":[1,null]}'


def test_lists_within_an_absent_fact_are_empty() -> None:
    class Inner(Fact):
        words: tuple[str, ...] = ("x",)
        names: dict[str, str] = {}

    class Outer(Event):
        inner: Inner | None = None

    assert types(Outer)["inner_words"] == "Array(String)"
    assert row(Outer())["inner_words"] == ()
    assert row(Outer())["inner_names"] == {}
    assert row(Outer(inner=Inner()))["inner_words"] == ("x",)
