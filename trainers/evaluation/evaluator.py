"""Works off the evaluations that are asked for, oldest first, in a thread of its own.

A candidate is measured beside the model that serves at that moment, on the evaluation side of the snapshot it was
trained on. What can never be evaluated fails with its reason and holds nobody else up; while something is away,
everybody waits.
"""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol
from uuid import UUID

import structlog

from models.encoders.port import MISCOUNTS, Encoder
from models.heads.bundle import HEADS, HeadBundle
from models.registry.records import Evaluation, Model, ModelKind
from models.registry.registry import Registry
from models.registry.standing import Standing, Watch
from schemas.training import ModelEvaluated
from streams.clock import Clock, SystemClock
from streams.errors import BadRecord, Misconfigured, Refusal
from streams.media.store import MediaStore
from streams.patrol import Patrol
from streams.retry import BackoffConfig
from trainers.evaluation.asking import cause_of
from trainers.evaluation.measures.latency import encoding_times, load_of
from trainers.evaluation.measures.measuring import measure, measure_head
from trainers.gate.config import GateConfig
from trainers.gate.judging import judge
from trainers.gate.outcomes import Outcomes
from trainers.gate.verdict import Aim
from trainers.learning.heads.vectors import ItemVectors, TextMemory
from trainers.snapshots.manifest import Manifest

logger = structlog.get_logger()


class Encoders(Protocol):
    """Encoders and heads by version, as `models.registry.shelf.Shelf` has them."""

    def get(self, version: str) -> Encoder: ...

    def heads(self, version: str) -> HeadBundle | None: ...


class Manifests(Protocol):
    """Snapshots by digest, as `trainers.snapshots.store.SnapshotStore` has them."""

    def get(self, sha256: str) -> Manifest: ...


class _StoppingError(Exception):
    """The evaluation in hand is given up; it is open still, and begun anew by whoever starts next."""


class Evaluator:
    """The service. `start`, `stop` and `ready` as services do."""

    def __init__(
        self,
        registry: Registry,
        shelf: Encoders,
        snapshots: Manifests,
        media: MediaStore,
        config: GateConfig,
        watch: Watch,
        clock: Clock | None = None,
    ) -> None:
        self._registry = registry
        self._shelf = shelf
        self._snapshots = snapshots
        self._media = media
        self._config = config
        self._watch = watch
        self._clock = clock or SystemClock()
        self._stopping = threading.Event()
        self._patrol = Patrol("evaluator", self.look, config.look_every_s, BackoffConfig())
        self.start: Callable[[], None] = self._patrol.start
        self.ready: Callable[[], str | None] = self._patrol.ready

    def stop(self) -> None:
        """Ends after the batch in hand."""
        self._stopping.set()
        self._patrol.stop()

    def look(self) -> bool:
        """Does the oldest evaluation that is open; whether more are waiting. Raises Unavailable."""
        waiting = self._registry.evaluations.open()
        if not waiting or self._stopping.is_set():
            return False
        try:
            self._do(waiting[0])
        except _StoppingError:
            return False
        return len(waiting) > 1

    def _do(self, evaluation: Evaluation) -> None:
        began = self._clock.monotonic()
        about = {"evaluation": evaluation.evaluation_id, "model": evaluation.model_version}
        try:
            fact = self._evaluated(evaluation)
        except (Refusal, Misconfigured) as refusal:
            logger.warning("evaluation failed", **about, reason=str(refusal))
            self._registry.evaluations.fail(evaluation.evaluation_id, str(refusal))
            return
        self._registry.evaluations.finish(evaluation.evaluation_id, fact)
        seconds = round(self._clock.monotonic() - began, 2)
        logger.info("evaluated", **about, live=fact.live_version, passed=fact.passed, seconds=seconds)

    def _evaluated(self, evaluation: Evaluation) -> ModelEvaluated:
        cause = cause_of(evaluation)
        model = self._registry.models.get(evaluation.model_version)
        if model is None:
            raise BadRecord("unknown_model", f"no model {evaluation.model_version} is registered")
        manifest = self._manifest_of(model)
        standing = self._watch.fresh()
        try:
            candidate, live = self._measured(model, standing, manifest)
        except MISCOUNTS as error:
            logger.exception("a model breaks", model=model.version, live=standing.model_version)
            raise BadRecord("broken_model", f"it cannot be measured: {type(error).__name__} {error}") from error
        seed = UUID(evaluation.evaluation_id).int % 2**32
        verdict = judge(candidate, live, self._config, seed, self._aim(model))
        return ModelEvaluated.following(
            cause,
            model_version=model.version,
            live_version=standing.model_version,
            metrics=verdict.metrics,
            passed=verdict.passed,
            reasons=verdict.reasons,
            seed=seed,
            false_promotion_rate=verdict.false_promotion_rate,
            items=verdict.items,
            snapshot_sha256=manifest.sha256,
            regressions=verdict.regressions,
            needs_approval=verdict.needs_approval,
            kind=model.kind.value,
        )

    def _manifest_of(self, model: Model) -> Manifest:
        if not model.snapshot_sha256:
            raise BadRecord(
                "no_snapshot", f"{model.version} was trained on no snapshot: there is nothing to measure by"
            )
        return self._snapshots.get(model.snapshot_sha256)

    def _measured(self, model: Model, standing: Standing, manifest: Manifest) -> tuple[Outcomes, Outcomes]:
        """Candidate and live, each under the name of its model."""
        if model.kind is ModelKind.HEAD and model.encoder_version == standing.encoder_version:
            return self._heads(model, standing, manifest)
        memory = TextMemory()
        encoders = self._shelf.get(model.encoder_version), self._shelf.get(standing.encoder_version)
        found = [measure(one, manifest, self._media, self._config, memory, self._rest) for one in encoders]
        candidate = replace(found[0], model_version=model.version)
        live = replace(found[1], model_version=standing.model_version)
        self._rest()
        times = encoding_times(*encoders, load_of(manifest, self._media, self._config), self._config.latency_rounds)
        return (candidate.timed(times[0]), live.timed(times[1])) if times else (candidate, live)

    def _heads(self, model: Model, standing: Standing, manifest: Manifest) -> tuple[Outcomes, Outcomes]:
        """Both on one encoder, each with the heads that it would answer with: they are not fitted anew."""
        heads, live = self._shelf.heads(model.version), self._shelf.heads(standing.model_version)
        if heads is None:
            raise BadRecord("artifact_missing", f"{model.version} has no file {HEADS}: there is nothing to measure")
        encoder = self._shelf.get(model.encoder_version)
        vectors = ItemVectors(encoder, self._media, self._config.batch_images, TextMemory(), self._rest)
        return (
            measure_head(model.version, heads, vectors, manifest, self._config),
            measure_head(standing.model_version, live, vectors, manifest, self._config),
        )

    def _aim(self, model: Model) -> Aim:
        job = self._registry.jobs.get(model.job_id) if model.job_id else None
        return Aim.AS_GOOD if job is not None and job.cause in self._config.as_good_suffices else Aim.BETTER

    def _rest(self) -> None:
        if self._stopping.is_set():
            raise _StoppingError
