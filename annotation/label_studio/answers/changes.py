"""What changed about the annotations of one task, as facts. Pure: the server's truth and what was told go in.

The same truth against the same knowledge gives the same facts with the same ids, and against its own outcome none.
"""

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from pydantic import JsonValue, ValidationError

from annotation.label_studio.client.rows import AnnotationRow, TaskRow
from annotation.label_studio.tables import Standing
from schemas.annotations import (
    AnnotationChanged,
    AnnotationCompleted,
    AnnotationFact,
    AnnotationRequested,
    AnnotationWithdrawn,
    Result,
)
from streams.codec import Encoded, encode
from streams.errors import BadRecord
from streams.topics import ANNOTATIONS_COMPLETED

Judge = Callable[[JsonValue], Result]
"""Gives an answer's regions, or raises BadRecord if they do not fit the task."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the log was told about an annotation. Digest "" is not looked at yet."""

    annotation_id: int
    task_id: int
    request_id: str
    digest: str = ""
    revision: int = -1
    standing: Standing = Standing.MALFORMED


@dataclass(frozen=True, slots=True)
class Change:
    """What is known from now on, with the fact that says so, or with what is wrong with the answer."""

    known: Known
    request: AnnotationRequested
    outcome: str
    """completed | changed | withdrawn | malformed | forgotten"""
    record: Encoded | None = None
    """The fact on its way to the log."""
    refusal: BadRecord | None = None
    answer: bytes = b""
    """The malformed answer as it came."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How the answers of a task are read."""

    project_id: int
    judge: Judge
    annotator: Callable[[int | None], str]
    """The name of a user, the same for ever."""
    shown: Callable[[AnnotationRequested], bool]
    """Whether annotators saw the model's answer."""


def changes(
    task: TaskRow,
    known: Mapping[int, Known],
    requests: Mapping[str, AnnotationRequested],
    current: AnnotationRequested | None,
    reading: Reading,
    now: datetime,
) -> Iterator[Change]:
    """Of one task, by annotation. `requests` are those that known annotations answer, `current` gets the new ones."""
    for row in task.annotations:
        before = known.get(row.id)
        request = requests.get(before.request_id) if before else current
        if request is not None:
            fresh = Known(row.id, task.id, str(request.event_id))
            yield from _seen(row, before or fresh, request, reading)
    present = {row.id for row in task.annotations}
    for before in known.values():
        request = requests.get(before.request_id)
        if before.annotation_id not in present and request is not None:
            yield from _missing(before, request, reading, task.updated_at or now)


def digest_of(row: AnnotationRow) -> str:
    """Of what an annotation says and who says it; when and how long do not count."""
    said = json.dumps([row.result, row.was_cancelled, row.completed_by], sort_keys=True)
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()


def _seen(row: AnnotationRow, before: Known, request: AnnotationRequested, reading: Reading) -> Iterator[Change]:
    digest = digest_of(row)
    if before.digest == digest and before.standing is not Standing.WITHDRAWN:
        return
    told = before.standing is Standing.TOLD
    after = replace(before, digest=digest, revision=before.revision + 1, standing=Standing.TOLD)
    try:
        record = _answer(row, after, request, reading, told)
    except BadRecord as refusal:
        taken_back = _fact(AnnotationWithdrawn, after, request, reading, row.updated_at) if told else None
        known = replace(after, standing=Standing.MALFORMED, revision=after.revision if told else before.revision)
        answer = json.dumps(row.result).encode("utf-8", "replace")
        yield Change(known, request, "malformed", taken_back, refusal, answer)
    else:
        yield Change(after, request, "changed" if told else "completed", record)


def _missing(before: Known, request: AnnotationRequested, reading: Reading, at: datetime) -> Iterator[Change]:
    if before.standing is Standing.TOLD:
        gone = replace(before, digest="gone", revision=before.revision + 1, standing=Standing.WITHDRAWN)
        yield Change(gone, request, "withdrawn", _fact(AnnotationWithdrawn, gone, request, reading, at))
    elif before.standing is Standing.MALFORMED:
        yield Change(replace(before, digest="gone", standing=Standing.WITHDRAWN), request, "forgotten")


def _answer(row: AnnotationRow, known: Known, request: AnnotationRequested, reading: Reading, told: bool) -> Encoded:
    said = {
        "annotator": reading.annotator(row.completed_by),
        "result": () if row.was_cancelled else reading.judge(row.result),
        "skipped": row.was_cancelled,
    }
    if told:
        return _fact(AnnotationChanged, known, request, reading, row.updated_at, **said)
    taken = row.lead_time
    first = {
        "arm": request.arm,
        "purpose": request.purpose,
        "lead_time_s": taken if taken is not None and math.isfinite(taken) and taken >= 0 else None,
        "prelabel": request.model_version if reading.shown(request) else None,
    }
    return _fact(AnnotationCompleted, known, request, reading, row.updated_at, **said, **first)


def _fact(
    kind: type[AnnotationFact],
    known: Known,
    request: AnnotationRequested,
    reading: Reading,
    at: datetime,
    **said: object,
) -> Encoded:
    key = f"{reading.project_id}/{known.task_id}/{known.annotation_id}"
    try:
        fact = kind.following(
            request,
            part=f"{key}/{known.revision}/{known.digest}",
            occurred_at=at,
            tenant=request.tenant,
            item_id=request.item_id,
            version=request.version,
            task=request.task,
            request_id=request.event_id,
            annotation_key=key,
            revision=known.revision,
            **said,
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise BadRecord("malformed_annotation", f"{'.'.join(map(str, first['loc']))} {first['msg']}") from error
    record = encode(fact, "millrace/bridge")
    if record.size > ANNOTATIONS_COMPLETED.max_record_bytes:
        raise BadRecord("malformed_annotation", f"the answer has {record.size} bytes")
    return record
