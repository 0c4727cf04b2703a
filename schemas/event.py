"""The one shape all facts share: an envelope that travels in Kafka headers and a body that travels as JSON.

The id of a consequence is computed from its cause, so a redelivered record yields the same event and every sink can
upsert. `part` tells siblings apart when one event has several consequences of one type.
"""

from datetime import UTC, datetime
from typing import Annotated, ClassVar, Self
from uuid import UUID, uuid4, uuid5

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

ENVELOPE_FIELDS = frozenset({"event_id", "occurred_at", "traceparent"})
"""Fields that travel as CloudEvents attributes in headers, never in the body."""

Probability = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(min_length=1, max_length=512)]
Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
"""A countable word of a list that may grow: readers take words that they do not know yet."""
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


Count = Annotated[int, Field(ge=0, lt=2**53)]
"""A whole number that JSON readers, databases and indexes of every kind keep exactly."""
PositiveCount = Annotated[int, Field(ge=1, lt=2**53)]
Moment = Annotated[AwareDatetime, Field(ge=datetime(1970, 1, 1, tzinfo=UTC), lt=datetime(2200, 1, 1, tzinfo=UTC))]
"""With time zone, in a range that every clock, database and time zone conversion behind us can hold."""


def new_traceparent() -> str:
    """A fresh W3C trace context: version 00, random trace and span, sampled."""
    return f"00-{uuid4().hex}-{uuid4().hex[:16]}-01"


class Fact(BaseModel):
    """A value inside an event. Frozen; unknown fields are ignored, so that old readers survive new writers."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        allow_inf_nan=False,
        ser_json_bytes="base64",
        val_json_bytes="base64",
        use_attribute_docstrings=True,
    )


class Event(Fact):
    """A fact that already happened. Never edited, only followed by later facts."""

    major: ClassVar[int] = 1
    """Raised only by a change that old readers cannot survive; they park such records."""

    event_id: UUID = Field(default_factory=uuid4)
    """Identity of the fact; computed from the cause everywhere after ingest."""
    occurred_at: Moment = Field(default_factory=lambda: datetime.now(UTC))
    """When it happened, with time zone."""
    traceparent: str = Field(default_factory=new_traceparent, pattern=r"^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")
    """W3C trace context that leads back to the record which started it all."""

    @classmethod
    def type_name(cls) -> str:
        """The CloudEvents `type`, such as `millrace.ItemPublished.v1`."""
        return f"millrace.{cls.__name__}.v{cls.major}"

    @classmethod
    def following(cls, cause: "Event", part: int | str = 0, **facts: object) -> Self:
        """The consequence of `cause`: same trace, an id computed from the cause, the type and `part`."""
        event_id = uuid5(cause.event_id, f"{cls.__name__}/{part}")
        trace_id, flags = cause.traceparent[3:35], cause.traceparent[-2:]
        traceparent = f"00-{trace_id}-{event_id.hex[:16]}-{flags}"
        return cls.model_validate({"event_id": event_id, "traceparent": traceparent, **facts})
