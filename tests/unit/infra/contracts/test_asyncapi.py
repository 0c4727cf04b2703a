import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from infra.contracts.arrows import Arrow, parse_arrow, stage_arrows
from infra.contracts.asyncapi import document
from infra.contracts.files import FOLDER, ROOT
from schemas.catalogue import EVENT_CLASSES, EVENT_TYPES
from streams.topics import LOOP
from tests.unit.streams.test_golden import GOLDEN, load

ARROWS = [Arrow("curation", ("items.raw",), ("items.curated", "items.rejected"))]
DOCUMENT = document(ARROWS)


def references(node: Any) -> Iterator[str]:
    """Every `$ref` below a node."""
    if isinstance(node, dict):
        yield from [node["$ref"]] if "$ref" in node else []
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from references(inner)


def target(ref: str) -> Any:
    """What a reference of the document leads to, in the document or in a file beside it."""
    if not ref.startswith("#/"):
        return json.loads((ROOT / FOLDER / ref).read_bytes())
    node: Any = DOCUMENT
    for step in ref.removeprefix("#/").split("/"):
        node = node[step]
    return node


def test_it_is_an_asyncapi_3_document_with_title_and_version() -> None:
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= DOCUMENT["info"].keys()


def test_every_reference_leads_somewhere() -> None:
    assert all(target(ref) for ref in references(DOCUMENT))


def test_every_topic_of_the_loop_is_a_channel_with_its_messages() -> None:
    assert {name: list(channel["messages"]) for name, channel in DOCUMENT["channels"].items()} == {
        topic.name: [event.__name__ for event in topic.events] for topic in LOOP
    }


def test_a_channel_says_where_it_is_and_how_it_is_kept() -> None:
    raw = DOCUMENT["channels"]["items.raw"]
    assert raw["address"] == "{prefix}.items.raw.v1"
    assert raw["parameters"]["prefix"]["default"] == "millrace"
    assert raw["bindings"]["kafka"] == {
        "partitions": 4,
        "topicConfiguration": {"cleanup.policy": ["delete"], "retention.ms": -1, "max.message.bytes": 1024 * 1025},
        "bindingVersion": "0.5.0",
    }


def test_the_topic_of_releases_is_compacted() -> None:
    kafka = DOCUMENT["channels"]["models.released"]["bindings"]["kafka"]
    assert kafka["topicConfiguration"]["cleanup.policy"] == ["compact"]


def test_every_event_is_a_message_with_its_type_and_its_schema() -> None:
    messages = DOCUMENT["components"]["messages"]
    assert [message["name"] for message in messages.values()] == list(EVENT_TYPES)
    for event in EVENT_CLASSES:
        assert target(messages[event.__name__]["payload"]["schema"]["$ref"])["title"] == event.__name__


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_headers_of_records_obey_the_header_schema(path: Any) -> None:
    record, _ = load(path)
    headers = {name: value.decode() for name, value in record.headers}
    message = DOCUMENT["components"]["messages"][path.stem.partition(".")[0]]
    for schema in message["headers"]["allOf"]:
        rules = target(schema["$ref"]) if "$ref" in schema else schema
        assert Draft202012Validator(rules).is_valid(headers)


def test_every_header_that_is_written_is_described() -> None:
    record, _ = load(GOLDEN[0])
    described = DOCUMENT["components"]["schemas"]["Envelope"]["properties"]
    assert {name for name, _ in record.headers} == set(described)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_keys_of_records_obey_the_key_schema(path: Any) -> None:
    record, _ = load(path)
    kafka = DOCUMENT["components"]["messages"][path.stem.partition(".")[0]]["bindings"]["kafka"]
    assert ("key" in kafka) == (record.key is not None)
    if record.key is not None:
        Draft202012Validator(kafka["key"]).validate(record.key.decode())


def test_a_stage_receives_what_it_reads_and_sends_what_it_answers() -> None:
    operations = {name: body["action"] for name, body in DOCUMENT["operations"].items() if "curation" in name}
    assert operations == {
        "curation.receive.items.raw": "receive",
        "curation.send.items.curated": "send",
        "curation.send.items.rejected": "send",
    }


def test_producers_send_items() -> None:
    assert DOCUMENT["operations"]["producer.send.items.raw"]["channel"] == {"$ref": "#/channels/items.raw"}


def test_an_arrow_names_what_is_read_and_what_is_written() -> None:
    assert parse_arrow("curation", "items.raw -> items.curated | items.rejected") == ARROWS[0]


def test_every_topic_is_read_by_a_stage_that_says_so() -> None:
    assert parse_arrow("recording", "every topic -> ClickHouse") == Arrow(
        "recording", tuple(topic.name for topic in LOOP), ()
    )


def test_words_beside_topics_are_the_world_outside() -> None:
    assert parse_arrow("x", "items.embedded -> the index, items.indexed.").writes == ("items.indexed",)


def test_a_stage_without_an_arrow_is_refused() -> None:
    with pytest.raises(ValueError, match="arrow"):
        parse_arrow("curation", "Curates items.")


def test_the_stages_of_the_code_have_arrows() -> None:
    assert {arrow.name for arrow in stage_arrows(ROOT)} >= {"curation", "recording"}
