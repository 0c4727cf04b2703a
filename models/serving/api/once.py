"""Idempotency: a request repeated under its key gets the first answer again, and states its fact once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from uuid import UUID, uuid4, uuid5

from fastapi import Header
from starlette.responses import Response

from models.metadata.idempotency import Claim, IdempotencyKeys, InProgress, OtherRequest, StoredAnswer
from models.serving.api import metrics
from models.serving.api.edge.bodies import JSON
from models.serving.api.edge.problems import Problem
from schemas.event import Event
from streams.errors import MillraceError

REQUESTS = UUID("6b1c2f0e-5f0b-5d3e-9a53-0c6f3a7f1c55")
"""Namespace of ids that are computed from requests."""
F = TypeVar("F", bound=Event)
Work = Callable[[UUID], StoredAnswer]
"""Publishes a fact under the given event id; may be repeated."""

IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="Any text of your choice, new for each request. Repeated with the same request within a day, it "
        "gives the first answer again; with another request it is refused.",
    ),
]
REPLAYED: dict[str, Any] = {
    "Idempotency-Replayed": {"description": "`true` if this answer was given before.", "schema": {"type": "string"}}
}


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and under which key and trace."""

    tenant: str
    key: str | None = None
    traceparent: str | None = None

    def computed(self, *parts: str) -> UUID:
        """An id that a repetition under the same key gets too; without a key a new one every time."""
        return uuid4() if self.key is None else computed_id(self.tenant, self.key, *parts)

    def signed(self, fact: F, event_id: UUID) -> F:
        """The fact under that id, in the asker's trace."""
        trace = {"traceparent": self.traceparent} if self.traceparent else {}
        return fact.model_copy(update={"event_id": event_id, **trace})


@dataclass(frozen=True, slots=True)
class Outcome:
    """An answer, and whether it was given before."""

    answer: StoredAnswer
    replayed: bool = False

    def response(self) -> Response:
        headers = {"Idempotency-Replayed": "true"} if self.replayed else None
        return Response(self.answer.body, self.answer.status, headers, JSON)


def once(keys: IdempotencyKeys, asker: Asker, digest: str, work: Work) -> Outcome:
    """The first answer under this key; work that fails leaves the key free for another try of the same request."""
    event_id = asker.computed("event", digest)
    if asker.key is None:
        return Outcome(work(event_id))
    standing = keys.claim(asker.tenant, asker.key, digest)
    match standing:
        case StoredAnswer():
            metrics.REPLAYED_ANSWERS.inc()
            return Outcome(standing, replayed=True)
        case OtherRequest():
            raise Problem(409, "idempotency-key-reused", "this Idempotency-Key belongs to another request")
        case InProgress():
            detail = "a request with this Idempotency-Key is in progress; its answer can be had in a moment"
            raise Problem(409, "idempotency-in-progress", detail, {"Retry-After": "1"})
        case Claim():
            return Outcome(_worked(keys, standing, lambda: work(event_id)))


def computed_id(*parts: str) -> UUID:
    """The same for the same request: repeated after a crash, it states the same fact."""
    return uuid5(REQUESTS, "/".join(parts))


def _worked(keys: IdempotencyKeys, claim: Claim, work: Callable[[], StoredAnswer]) -> StoredAnswer:
    try:
        answer = work()
    except MillraceError:
        keys.release(claim)
        raise
    keys.complete(claim, answer)
    return answer
