"""Which models are to be evaluated, and what came of it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, Row, select

from models.registry.records import Evaluation
from models.registry.stores.announcements import EVALUATION, announce
from models.registry.stores.rows import added, now_ms, storable
from models.registry.tables import evaluations as table
from schemas.training import ModelEvaluated
from streams.clock import Clock


class Evaluations:
    """Evaluations asked for and done. May be shared by threads and processes."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._reading = engine.execution_options(reading=True)
        self._clock = clock

    def ask(self, evaluation_id: str, model_version: str, request: str) -> bool:
        """Notes that a model is to be evaluated; `request` is JSON. False if it is noted already."""
        row = storable(
            evaluation_id=evaluation_id, model_version=model_version, request=request, asked_at_ms=now_ms(self._clock)
        )
        with self._engine.begin() as connection:
            return added(connection, table, row)

    def open(self) -> Sequence[Evaluation]:
        """What waits to be evaluated, oldest first."""
        return self._some(select(table).where(table.c.ended_at_ms.is_(None)).order_by(*_OLDEST_FIRST))

    def finish(self, evaluation_id: str, verdict: ModelEvaluated) -> bool:
        """Keeps the verdict and announces it, together; False if the evaluation has ended already."""
        return self._end(evaluation_id, [verdict], verdict=verdict.model_dump_json())

    def fail(self, evaluation_id: str, why: str) -> bool:
        """Notes that there will be no verdict, and why; False if the evaluation has ended already."""
        return self._end(evaluation_id, [], failure=why)

    def get(self, evaluation_id: str) -> Evaluation | None:
        """An evaluation by its id."""
        found = self._some(select(table).where(table.c.evaluation_id == evaluation_id))
        return found[0] if found else None

    def latest(self, model_version: str) -> ModelEvaluated | None:
        """The latest verdict on a model."""
        query = select(table).where(table.c.model_version == model_version, table.c.verdict.is_not(None))
        found = self._some(query.order_by(table.c.ended_at_ms.desc(), table.c.evaluation_id).limit(1))
        return found[0].verdict if found else None

    def list(self, limit: int = 50) -> Sequence[Evaluation]:
        """The latest evaluations, latest first."""
        return self._some(
            select(table).order_by(table.c.asked_at_ms.desc(), table.c.evaluation_id).limit(max(limit, 0))
        )

    def _end(self, evaluation_id: str, told: Sequence[ModelEvaluated], **values: str) -> bool:
        running = (table.c.evaluation_id == evaluation_id) & table.c.ended_at_ms.is_(None)
        ended = table.update().where(running).values(**storable(**values), ended_at_ms=now_ms(self._clock))
        with self._engine.begin() as connection:
            done = connection.execute(ended).rowcount == 1
            if done:
                announce(connection, EVALUATION, told)
        return done

    def _some(self, query: Any) -> Sequence[Evaluation]:
        with self._reading.connect() as connection:
            return [_evaluation(row) for row in connection.execute(query)]


_OLDEST_FIRST = (table.c.asked_at_ms, table.c.evaluation_id)


def _evaluation(row: Row[Any]) -> Evaluation:
    verdict = ModelEvaluated.model_validate_json(row.verdict) if row.verdict is not None else None
    return Evaluation(
        row.evaluation_id, row.model_version, row.request, row.asked_at_ms, verdict, row.ended_at_ms, row.failure
    )
