"""Drawing up an account, where labels and vectors are, and keeping it for those who only read."""

import time

import structlog
from pydantic import TypeAdapter, ValidationError

from annotation.account.arms import Vectors, arms_of
from annotation.account.config import AccountConfig
from annotation.account.saved import LabelsSaved, labels_saved
from annotation.tasks import TaskConfig
from models.labels.accounts import Account, Accounts, Verdict
from models.labels.store import LabelStore
from streams.errors import MillraceError

logger = structlog.get_logger()
_FORM = TypeAdapter(LabelsSaved)


def is_due(store: LabelStore, accounts: Accounts, task: TaskConfig, model_version: str, config: AccountConfig) -> bool:
    """Whether enough labels have changed since the last account: some, and a tenth of all. Two rows are read."""
    known = [one.change for one in accounts.latest(task.tenant, task.name) if one.model_version == model_version]
    news = store.latest_change(task.name, task.tenant) - max(known, default=0)
    return news >= max(config.every_labels, store.count(task.name, task.tenant) // 10)


def draw_up(
    store: LabelStore,
    accounts: Accounts,
    vectors: Vectors,
    task: TaskConfig,
    model_version: str,
    strategy: str,
    config: AccountConfig,
    at_ms: int,
) -> LabelsSaved:
    """Draws up the account of a task in the space of a model version, and keeps it with its verdict on the strategy."""
    change = store.latest_change(task.name, task.tenant)
    started = time.monotonic()
    arms = arms_of(store.labels(task.name, task.tenant), vectors, config.max_labels, config.seed)
    account = labels_saved(arms, config)
    kept = Account(task.tenant, task.name, model_version, strategy, as_json(account), change, at_ms)
    accounts.keep(kept, _verdict(kept, account))
    took = round(time.monotonic() - started, 1)
    logger.info("drew up an account", task=task.name, verdict=account.verdict.value, share=account.share, seconds=took)
    return account


def _verdict(kept: Account, account: LabelsSaved) -> Verdict:
    return Verdict(
        kept.tenant,
        kept.task,
        kept.model_version,
        kept.strategy,
        account.verdict,
        account.share,
        account.low,
        account.high,
        account.labels_active,
        account.labels_random,
        kept.at_ms,
    )


def as_json(account: LabelsSaved, indent: int | None = None) -> str:
    """The account as it is kept and printed."""
    return _FORM.dump_json(account, indent=indent).decode()


def from_json(content: str) -> LabelsSaved:
    """An account that was kept. Raises MillraceError for one of another release."""
    try:
        return _FORM.validate_json(content)
    except ValidationError as error:
        raise MillraceError("the account was drawn up by another release; it will be drawn up anew") from error
