"""`/v1/train/jobs`: ask for a new model, see how far it is, call it off."""

from hashlib import sha256
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from models.metadata.idempotency import StoredAnswer
from models.registry.records import Job, JobState
from models.serving.api.edge.answers import BODY_ERRORS, Responses, json_response, problems
from models.serving.api.edge.bodies import described, json_of, validated
from models.serving.api.edge.credentials import Operator
from models.serving.api.edge.problems import Problem
from models.serving.api.edge.tracing import Traceparent, valid
from models.serving.api.once import REPLAYED, Asker, IdempotencyKey, once
from models.serving.api.routes.learning.job_shapes import JobAccepted, JobBody, TrainingJob, TrainingJobs, training_job
from models.serving.api.routes.learning.names import ONE_JOB, PathName
from models.serving.api.services import Api
from schemas.training import TrainingRequested, TriggerCause
from streams.codec import encode
from streams.errors import BadRecord, Misconfigured
from streams.topics import TRAINING_REQUESTED

SOURCE = "millrace/serving"


EXAMPLES: dict[str, Any] = {
    "default": {"summary": "The default recipe", "value": {"project_id": "default", "config_uri": "recipe:default"}},
    "short": {
        "summary": "A short run that goes before others",
        "value": {"config_uri": "default", "overrides": {"steps": 100}, "priority": 10, "notes": "does it learn?"},
    },
}


class JobEndpoints:
    """Takes requests for training, and says what becomes of them."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def submit(
        self,
        request: Request,
        tenant: Operator,
        traceparent: Traceparent = None,
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        """Ask for a new model. It is trained when its turn comes, judged by the gate, and released if it is better."""
        asker = Asker(tenant, idempotency_key, valid(traceparent))
        return await self._api.writing.run(self._submit, asker, await json_of(request))

    async def job(self, job_id: PathName, tenant: Operator) -> Response:
        """How far a job is, and what came out."""
        return await self._api.searching.run(self._job, job_id)

    async def jobs(self, tenant: Operator, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> Response:
        """The latest jobs, whoever or whatever asked for them."""
        return await self._api.searching.run(self._jobs, limit)

    async def cancel(self, job_id: PathName, tenant: Operator) -> Response:
        """Call a job off: at once while it waits, else as soon as whoever works on it hears of it."""
        return await self._api.writing.run(self._cancel, job_id)

    def _submit(self, asker: Asker, content: bytes) -> Response:
        body, learning = validated(JobBody, content), self._api.learning()
        try:
            learning.check_recipe(body.recipe, body.overrides)
        except Misconfigured as error:
            raise Problem(422, "invalid-recipe", str(error)) from error
        digest = sha256(b"training/" + body.model_dump_json().encode()).hexdigest()
        return once(
            self._api.services.keys, asker, digest, lambda event_id: self._sent(asker, body, event_id)
        ).response()

    def _sent(self, asker: Asker, body: JobBody, event_id: UUID) -> StoredAnswer:
        """The answer to a request that the log has acknowledged; the row only spares the asker a wait."""
        fact = asker.signed(
            TrainingRequested(
                job_id=str(event_id),
                project_id=body.project_id,
                cause=TriggerCause.MANUAL,
                detail=f"asked for by {asker.tenant}",
                recipe=body.recipe,
                priority=body.priority,
                overrides=body.overrides,
                notes=body.notes,
            ),
            event_id,
        )
        encoded = encode(fact, SOURCE)
        if encoded.size > TRAINING_REQUESTED.max_record_bytes:
            raise BadRecord("record_too_large", f"{encoded.size} bytes; shorten the overrides")
        self._api.outbox.publish(TRAINING_REQUESTED.full_name(self._api.services.prefix), encoded)
        self._api.learning().registry.jobs.submit(fact)
        return StoredAnswer(202, JobAccepted(job_id=fact.job_id, submitted_at=fact.occurred_at).model_dump_json())

    def _job(self, job_id: str) -> Response:
        return json_response(self._told(self._found(job_id)))

    def _jobs(self, limit: int) -> Response:
        learning = self._api.learning()
        found, waits = learning.registry.jobs.list(limit), learning.waits()
        return json_response(TrainingJobs(jobs=[training_job(one, waits.get(one.job_id, "")) for one in found]))

    def _cancel(self, job_id: str) -> Response:
        called_off = self._api.learning().registry.jobs.cancel(job_id)
        job = self._found(job_id)
        if not called_off and job.state is not JobState.CANCELLED:
            raise Problem(409, "job-ended", f"the job has ended: {job.state}")
        return json_response(self._told(job), 202)

    def _told(self, job: Job) -> TrainingJob:
        waits = {} if job.state.ended else self._api.learning().waits()
        return training_job(job, waits.get(job.job_id, ""))

    def _found(self, job_id: str) -> Job:
        job = self._api.learning().registry.jobs.get(job_id)
        if job is None:
            raise Problem(404, "unknown-job", "there is no such job")
        return job


def job_routes(api: Api) -> APIRouter:
    """The endpoints about training."""
    router, endpoints = APIRouter(tags=["training"]), JobEndpoints(api)
    accepted: Responses = {202: {"headers": REPLAYED}}
    router.add_api_route(
        "/v1/train/jobs",
        endpoints.submit,
        methods=["POST"],
        status_code=202,
        response_model=JobAccepted,
        responses=accepted | problems(401, 403, 409, 501, *BODY_ERRORS),
        openapi_extra=described(JobBody, EXAMPLES),
    )
    router.add_api_route(
        "/v1/train/jobs",
        endpoints.jobs,
        methods=["GET"],
        response_model=TrainingJobs,
        responses=problems(401, 403, 422, 501),
    )
    router.add_api_route(
        ONE_JOB,
        endpoints.job,
        methods=["GET"],
        response_model=TrainingJob,
        responses=problems(401, 403, 404, 422, 501),
    )
    router.add_api_route(
        ONE_JOB,
        endpoints.cancel,
        methods=["DELETE"],
        status_code=202,
        response_model=TrainingJob,
        responses=problems(401, 403, 404, 409, 422, 501),
    )
    return router
