"""The learning half of each process: what trains, judges, embeds anew and leads the rollout beside the stages."""

import socket
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from annotation.selection.config import SelectionConfig
from annotation.selection.rules.witness import drawn, reserved
from annotation.tasks import TaskConfig
from infra.wiring.workshop import Workshop
from infra.worker.process import Service
from schemas.event import Event

if TYPE_CHECKING:
    from models.registry.records import Rollout
    from models.serving.api.services import Learning
    from trainers.snapshots.rows import Row


def learning_services(workshop: Workshop, stages: Sequence[str]) -> list[Service]:
    """What works beside these stages."""
    builders = {"embedding": _backfill, "training": _trainer, "evaluation": _evaluator, "rollout": _conductor}
    return [build(workshop) for stage, build in builders.items() if stage in stages]


def learning_of(workshop: Workshop) -> "Learning":
    """What the API's endpoints about training and releases stand on."""
    from models.serving.api.services import Learning
    from trainers.jobs.pacing import what_jobs_wait_for
    from trainers.recipes.overrides import resolved
    from trainers.rollout.beginning import Wish, promote
    from trainers.rollout.going_back import roll_back

    registry, watch, config = workshop.registry, workshop.watch, workshop.settings.rollout

    def begin(version: str, force: bool, canary_share: float | None, by: str, asked: UUID) -> "Rollout":
        wish = Wish(by=by, force=force, canary_share=canary_share, cause=Event(event_id=asked))
        return promote(registry, watch, config, version, wish)

    def back(reason: str, by: str, asked: UUID) -> "Rollout":
        return roll_back(registry, watch, config, Wish(by=by, reason=reason, cause=Event(event_id=asked)))

    def waits() -> Mapping[str, str]:
        return what_jobs_wait_for(registry, int(time.time() * 1000))

    return Learning(registry, resolved, begin, back, waits)


def kept_back(tasks: Sequence[TaskConfig], config: SelectionConfig, row: "Row") -> float | None:
    """The number by which the random arm may ask about an item, the lowest first; None where it never does.

    Nothing learns from such an item before it is measured with.
    """
    numbers = (
        drawn(config.seed, task.tenant, task.name, row.item_id)
        for task in tasks
        if task.tenant == row.tenant
        and row.modality in task.modalities
        and (not task.sources or row.source in task.sources)
    )
    return min((number for number in numbers if reserved(number, config.random_share)), default=None)


def _trainer(workshop: Workshop) -> Service:
    from models.mined.store import MinedStore
    from trainers.jobs.workbench import Workbench
    from trainers.jobs.worker import Trainer
    from trainers.snapshots.builder import SnapshotBuilder
    from trainers.snapshots.catalogue.catalogue import ItemCatalogue

    settings = workshop.settings
    catalogue = ItemCatalogue(workshop.metadata, settings.snapshots)
    builder = SnapshotBuilder(
        catalogue,
        workshop.labels,
        workshop.snapshots,
        workshop.media,
        settings.snapshots,
        partial(kept_back, settings.labelling.tasks, settings.selection),
    )
    trainer = Trainer(
        Workbench(
            workshop.registry,
            workshop.watch,
            workshop.shelf,
            catalogue,
            builder,
            workshop.snapshots,
            workshop.artifacts,
            workshop.media,
            MinedStore(workshop.metadata),
            settings.labelling.tasks,
            settings.encoder,
            settings.training,
            settings.data_dir / "training",
        )
    )
    return Service("trainer", trainer.start, trainer.stop, trainer.ready)


def _evaluator(workshop: Workshop) -> Service:
    from trainers.evaluation.evaluator import Evaluator

    evaluator = Evaluator(
        workshop.registry,
        workshop.shelf,
        workshop.snapshots,
        workshop.media,
        workshop.settings.gate,
        workshop.watch,
    )
    return Service("evaluator", evaluator.start, evaluator.stop, evaluator.ready)


def _backfill(workshop: Workshop) -> Service:
    from consumers.embedding.backfill.log import BackfillLog
    from consumers.embedding.backfill.service import Backfill
    from streams.kafka.scan import KafkaScan

    settings = workshop.settings
    kafka = settings.kafka
    backfill = Backfill(
        workshop.registry,
        workshop.watch,
        workshop.shelf,
        workshop.embedder,
        BackfillLog(KafkaScan(kafka), workshop.producer(), kafka.prefix),
        settings.embedding,
        kafka.instance or socket.gethostname(),
    )
    return Service("backfill", backfill.start, backfill.stop, backfill.ready)


def _conductor(workshop: Workshop) -> Service:
    from trainers.rollout.conductor import Conductor
    from trainers.rollout.proof import proof

    index, config = workshop.index, workshop.settings.rollout
    conductor = Conductor(
        workshop.registry, workshop.watch, index, workshop.live.shelf_ready, proof(index, config), config
    )
    return Service("rollout", conductor.start, conductor.stop, conductor.ready)
