"""JSON Schema of an event's body: what travels in a record's value. The envelope travels in headers."""

from typing import Any

from schemas.event import ENVELOPE_FIELDS, Event

DIALECT = "https://json-schema.org/draft/2020-12/schema"

JsonSchema = dict[str, Any]


def body_schema(event: type[Event]) -> JsonSchema:
    """The body as a producer may write it; readers ignore fields that are not named here."""
    schema = event.model_json_schema(mode="validation")
    for name in ENVELOPE_FIELDS:
        schema["properties"].pop(name)
    for part in (schema, *schema.get("$defs", {}).values()):
        for field in part.get("properties", {}).values():
            field.pop("title", None)
    return {"$schema": DIALECT, "$id": f"urn:millrace:{event.__name__}:v{event.major}", **schema}


def schema_name(event: type[Event]) -> str:
    """File name of an event's schema, such as `ItemPublished.v1.json`."""
    return f"{event.__name__}.v{event.major}.json"
