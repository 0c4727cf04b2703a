"""What labels were worth: the account of each task as drawn up last, and every verdict on a strategy.

Drawn up where the vectors are; the command line, the API and selection's brake only read it.
"""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Engine, and_, select

from models.labels.tables import accounts as kept
from models.labels.tables import selection_verdicts as verdicts
from models.metadata.dialect import insert_into, replacing


class Judgement(StrEnum):
    """What the interval says about a strategy against random choice."""

    GAIN = "gain"
    NO_GAIN = "no_gain"
    """The interval includes none."""
    BEHIND = "behind"
    """Random choice needs fewer labels, beyond the interval."""
    NOT_ENOUGH_LABELS = "not_enough_labels"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a strategy did against the random arm, at some moment."""

    tenant: str
    task: str
    model_version: str
    strategy: str
    judgement: Judgement
    share: float | None
    """Labels saved, as a share of those that the random arm needs; below 0 it costs labels."""
    low: float | None
    high: float | None
    active_labels: int
    random_labels: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class Account:
    """An account as it is kept."""

    tenant: str
    task: str
    model_version: str
    strategy: str
    content: str
    """JSON of LabelsSaved."""
    change: int
    """The last change of the task's labels that it knows."""
    at_ms: int


class Accounts:
    """Keeps accounts. May be shared by threads. Raises Unavailable while the database does not answer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def keep(self, account: Account, verdict: Verdict) -> None:
        """The account replaces the one before it, the verdict is added; both or neither."""
        replaced: dict[str, object] = dict(
            tenant=account.tenant,
            task=account.task,
            model_version=account.model_version,
            strategy=account.strategy,
            account=account.content,
            change=account.change,
            at_ms=account.at_ms,
        )
        added: dict[str, object] = dict(
            tenant=verdict.tenant,
            task=verdict.task,
            model_version=verdict.model_version,
            strategy=verdict.strategy,
            at_ms=verdict.at_ms,
            verdict=verdict.judgement.value,
            share=verdict.share,
            low=verdict.low,
            high=verdict.high,
            active_labels=verdict.active_labels,
            random_labels=verdict.random_labels,
        )
        with self._engine.begin() as connection:
            connection.execute(replacing(connection, kept), replaced)
            connection.execute(insert_into(connection, verdicts).on_conflict_do_nothing(), added)

    def latest(self, tenant: str | None = None, task: str | None = None) -> list[Account]:
        """The account of each task and model version, the newest first."""
        query = select(kept).order_by(kept.c.at_ms.desc(), kept.c.task)
        query = query.where(kept.c.tenant == tenant) if tenant is not None else query
        query = query.where(kept.c.task == task) if task is not None else query
        with self._engine.execution_options(reading=True).connect() as connection:
            rows = connection.execute(query).all()
        return [
            Account(row.tenant, row.task, row.model_version, row.strategy, row.account, row.change, row.at_ms)
            for row in rows
        ]


class Verdicts:
    """What the brake of selection reads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine.execution_options(reading=True)

    def latest(self, tenant: str, task: str, model_version: str, strategy: str) -> Verdict | None:
        """The newest verdict on a strategy; None where nobody has judged it yet."""
        ours = and_(
            verdicts.c.tenant == tenant,
            verdicts.c.task == task,
            verdicts.c.model_version == model_version,
            verdicts.c.strategy == strategy,
        )
        with self._engine.connect() as connection:
            row = connection.execute(select(verdicts).where(ours).order_by(verdicts.c.at_ms.desc()).limit(1)).first()
        if row is None:
            return None
        return Verdict(
            row.tenant,
            row.task,
            row.model_version,
            row.strategy,
            Judgement(row.verdict),
            row.share,
            row.low,
            row.high,
            row.active_labels,
            row.random_labels,
            row.at_ms,
        )
