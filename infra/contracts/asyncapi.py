"""One AsyncAPI 3 document of all topics, events and stages, for readers and generators in any language.

Source: AsyncAPI specification 3.0.0 and its Kafka bindings 0.5.0. Everything in it is read from the code: topics from
`streams/topics.py`, events from `schemas/`, operations from the arrows that open each stage's file.
"""

from collections.abc import Iterable
from typing import Any

from infra.contracts.arrows import Arrow
from infra.contracts.json_schemas import DIALECT, JsonSchema, schema_name
from schemas.catalogue import EVENT_CLASSES
from schemas.event import Event
from schemas.items import ItemFact
from schemas.training import ModelReleased
from streams.kafka.config import KafkaConfig
from streams.topic_plan import TopicState, manifest
from streams.topics import LOOP, Topic

Json = dict[str, Any]

BINDING = {"bindingVersion": "0.5.0"}
SCHEMA_FORMAT = "application/schema+json;version=draft-2020-12"

OUTSIDE_STAGES = (
    Arrow("producer", (), ("items.raw",)),
    Arrow("serving", (), ("items.raw", "searches.served")),
)
"""Who else speaks: producers of items, and the HTTP API."""


def document(arrows: Iterable[Arrow]) -> Json:
    """The document, with an operation for each topic that a part of the loop reads or writes."""
    states = manifest("{prefix}", [])
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Millrace",
            "version": "1",
            "description": "Every fact that moves through the loop, as records on Kafka in CloudEvents binary mode.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic, state) for topic, state in zip(LOOP, states, strict=True)},
        "operations": {name: body for arrow in (*OUTSIDE_STAGES, *arrows) for name, body in _operations(arrow)},
        "components": {
            "messages": {event.__name__: _message(event) for event in EVENT_CLASSES},
            "schemas": {"Envelope": _envelope()},
        },
    }


def _channel(topic: Topic, state: TopicState) -> Json:
    configuration = {
        "cleanup.policy": [state.settings["cleanup.policy"]],
        "retention.ms": int(state.settings["retention.ms"]),
        "max.message.bytes": int(state.settings["max.message.bytes"]),
    }
    kafka = {"partitions": state.partitions, "topicConfiguration": configuration, **BINDING}
    return {
        "address": state.name,
        "messages": {event.__name__: _ref("components", "messages", event.__name__) for event in topic.events},
        "parameters": {
            "prefix": {"default": KafkaConfig().prefix, "description": "Separates installations on one cluster."}
        },
        "bindings": {"kafka": kafka},
        **({"description": "The number of partitions never changes."} if topic.fixed_partitions else {}),
    }


def _message(event: type[Event]) -> Json:
    return {
        "name": event.type_name(),
        "title": event.__name__,
        "summary": (event.__doc__ or "").strip(),
        "contentType": "application/json",
        "headers": {
            "allOf": [
                _ref("components", "schemas", "Envelope"),
                {"type": "object", "properties": {"ce_type": {"const": event.type_name()}}},
            ]
        },
        "payload": {"schemaFormat": SCHEMA_FORMAT, "schema": {"$ref": f"json_schema/{schema_name(event)}"}},
        "bindings": {"kafka": {**_key(event), **BINDING}},
    }


def _key(event: type[Event]) -> dict[str, JsonSchema]:
    """The record's key; facts that keep no order have none."""
    if event is ModelReleased:
        return {"key": {"type": "string", "const": "live"}}
    if not issubclass(event, ItemFact):
        return {}
    return {
        "key": {
            "type": "string",
            "description": "`tenant/item_id` of the body. One item's facts share a partition and keep their order.",
            "pattern": "^[A-Za-z0-9_.-]{1,64}/.{1,512}$",
        }
    }


def _envelope() -> JsonSchema:
    """Kafka headers of every record: CloudEvents attributes in binary mode, content type and trace."""
    texts: dict[str, Json] = {
        "ce_specversion": {"const": "1.0"},
        "ce_id": {"format": "uuid", "description": "Identity of the fact; the same id means the same fact."},
        "ce_source": {"minLength": 1, "description": "Who speaks, such as `millrace/curation`."},
        "ce_type": {"pattern": r"^millrace\.[A-Za-z]+\.v[1-9][0-9]*$", "description": "Event and major version."},
        "ce_time": {"format": "date-time", "description": "When it happened, with time zone; 1970 to 2199."},
        "ce_subject": {"description": "The item's id, in facts about items."},
        "content-type": {"const": "application/json"},
        "traceparent": {
            "pattern": "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
            "description": "W3C trace context; a record without one starts a new trace.",
        },
    }
    return {
        "$schema": DIALECT,
        "type": "object",
        "properties": {name: {"type": "string", **rules} for name, rules in texts.items()},
        "required": ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time"],
    }


def _operations(arrow: Arrow) -> Iterable[tuple[str, Json]]:
    for action, topics in (("receive", arrow.reads), ("send", arrow.writes)):
        for topic in topics:
            yield f"{arrow.name}.{action}.{topic}", _operation(arrow, action, topic)


def _operation(arrow: Arrow, action: str, topic: str) -> Json:
    operation = {"action": action, "channel": _ref("channels", topic), "title": f"{arrow.name}: {action} {topic}"}
    if action == "send":
        return operation
    group = {"type": "string", "description": "The consumer group.", "pattern": rf"^.+\.{arrow.name}$"}
    return operation | {"bindings": {"kafka": {"groupId": group, **BINDING}}}


def _ref(*path: str) -> Json:
    return {"$ref": "#/" + "/".join(path)}
