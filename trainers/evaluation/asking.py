"""How an evaluation is asked for: by a candidate that exists, or by a person."""

from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import BaseModel, ConfigDict

from models.registry.records import Evaluation
from models.registry.stores.evaluations import Evaluations
from schemas.event import Event
from schemas.training import ModelTrained
from streams.errors import BadRecord

LOOKED_AT = 1000
"""Evaluations, the latest ones, among which those of one model are counted."""


class EvaluationRequest(BaseModel):
    """What is kept of the wish. Whoever asks may add fields of their own."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    cause: str = "manual"
    asked_by: str = ""
    trained: ModelTrained | None = None
    """The candidate's own fact, where it asked; ids of the verdict are computed from it."""


def ask_for(evaluations: Evaluations, trained: ModelTrained) -> bool:
    """Asks for the evaluation of a candidate; False if it was asked for already."""
    request = EvaluationRequest(cause="trained", asked_by=f"job/{trained.job_id}", trained=trained)
    return evaluations.ask(str(trained.event_id), trained.model_version, request.model_dump_json())


def ask_again(evaluations: Evaluations, model_version: str, asked_by: str, dry_run: bool = False) -> tuple[str, bool]:
    """The id of an evaluation that a person wants, and whether it is a new one: while one is open, that is the one."""
    known = [one for one in evaluations.list(LOOKED_AT) if one.model_version == model_version]
    waiting = next((one for one in known if one.ended_at_ms is None), None)
    if waiting is not None:
        return waiting.evaluation_id, False
    evaluation_id = str(uuid5(NAMESPACE_URL, f"millrace/evaluation/{model_version}/{len(known)}"))
    request = EvaluationRequest(asked_by=asked_by).model_dump_json()
    return evaluation_id, dry_run or evaluations.ask(evaluation_id, model_version, request)


def cause_of(evaluation: Evaluation) -> Event:
    """What the verdict follows from. Raises BadRecord for a request that cannot be read."""
    try:
        request = EvaluationRequest.model_validate_json(evaluation.request)
        event_id = UUID(evaluation.evaluation_id)
    except ValueError as error:  # pydantic's ValidationError is one
        raise BadRecord("bad_request", "the request for the evaluation cannot be read") from error
    if request.trained is not None:
        return request.trained
    trace = uuid5(event_id, "trace").hex
    return Event(event_id=event_id, traceparent=f"00-{trace}-{event_id.hex[:16]}-01")
