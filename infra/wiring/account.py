"""The account of labels saved: drawn up beside the index as labels come, and read by selection as its brake."""

import time
from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from annotation.account.arms import Vectors
from annotation.account.drawing_up import draw_up, is_due
from annotation.label_studio.running.patrol import Patrol
from annotation.selection.rounds import behind_of, strategy_in_force
from annotation.tasks import TaskConfig
from infra.wiring.workshop import Workshop
from infra.worker.process import Service
from models.labels.accounts import Accounts, Verdicts
from streams.retry import BackoffConfig

NAME = "account"
LOOK_S = 2.0
"""Pause between two looks whether an account is due; a look reads two rows."""


def account_service(workshop: Workshop) -> Service:
    """Draws accounts up in a thread of its own."""
    patrol = Patrol(NAME, lambda: _look(workshop), LOOK_S, BackoffConfig())
    return Service(NAME, patrol.start, patrol.stop)


def _look(workshop: Workshop) -> bool:
    settings, engine, model_version = workshop.settings, workshop.metadata, workshop.encoder.version
    accounts, verdicts = Accounts(engine), Verdicts(engine)
    for task in settings.labelling.tasks:
        if not is_due(workshop.labels, accounts, task, model_version, settings.account):
            continue
        behind = behind_of(verdicts, task.tenant, task.name, model_version)
        strategy, _ = strategy_in_force(settings.selection.strategy, behind)
        at_ms = int(time.time() * 1000)
        vectors = _vectors(workshop, task, model_version)
        draw_up(workshop.labels, accounts, vectors, task, model_version, strategy, settings.account, at_ms)
    return False


def _vectors(workshop: Workshop, task: TaskConfig, model_version: str) -> Vectors:
    def of(item_ids: Collection[str]) -> Mapping[str, tuple[int, NDArray[np.float32]]]:
        return workshop.index.vectors(task.tenant, model_version, list(item_ids))

    return of
