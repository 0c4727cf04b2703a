"""Drawing up an account, where labels and vectors are, and keeping it for those who only read."""

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

import structlog
from pydantic import TypeAdapter, ValidationError

from annotation.account.arms import Floats, Vectors, arms_of
from annotation.account.config import AccountConfig
from annotation.account.saved import LabelsSaved, labels_saved
from annotation.tasks import TaskConfig
from models.labels.accounts import Account, Accounts, Verdict
from models.labels.store import LabelStore
from streams.clock import Clock, SystemClock
from streams.errors import MillraceError, Unavailable

VectorsOf = Callable[[str, str, Sequence[str]], Mapping[str, tuple[int, Floats]]]
"""Tenant, model version and item ids to versions and vectors, as a vector index has them."""

logger = structlog.get_logger()
_FORM = TypeAdapter(LabelsSaved)


class Subject(NamedTuple):
    """What an account is about."""

    task: TaskConfig
    model_version: str
    """In whose space the heads are fitted."""
    strategy: str
    """That of the active arm."""


def is_due(store: LabelStore, accounts: Accounts, task: TaskConfig, model_version: str, config: AccountConfig) -> bool:
    """Whether enough labels have changed since the last account: some, and a quarter of all. Two rows are read."""
    known = [one.change for one in accounts.latest(task.tenant, task.name) if one.model_version == model_version]
    news = store.latest_change(task.name, task.tenant) - max(known, default=0)
    return news >= max(config.every_labels, store.count(task.name, task.tenant) // 4)


def draw_up(
    store: LabelStore,
    accounts: Accounts,
    vectors: Vectors,
    subject: Subject,
    config: AccountConfig,
    at_ms: int,
    rest: Callable[[], None] = lambda: None,
) -> LabelsSaved:
    """Draws up the account of a task in the space of a model version, and keeps it with its verdict on the strategy."""
    task, version, strategy = subject
    change = store.latest_change(task.name, task.tenant)
    started = time.monotonic()
    arms = arms_of(store.labels(task.name, task.tenant), vectors, config.max_labels, config.seed)
    account = labels_saved(arms, config, rest)
    kept = Account(task.tenant, task.name, version, strategy, as_json(account), change, at_ms)
    accounts.keep(kept, _verdict(kept, account))
    took = round(time.monotonic() - started, 1)
    logger.info("drew up an account", task=task.name, verdict=account.verdict.value, share=account.share, seconds=took)
    return account


class _StoppingError(Exception):
    """The account in hand is given up."""


class Bookkeeper:
    """Draws up accounts that are due, in a thread of its own, for as long as its process holds the vectors."""

    def __init__(
        self,
        store: LabelStore,
        accounts: Accounts,
        vectors: VectorsOf,
        tasks: Sequence[TaskConfig],
        model_version: Callable[[], str],
        strategy: Callable[[TaskConfig, str], str],
        config: AccountConfig,
        clock: Clock | None = None,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._vectors = vectors
        self._tasks = tasks
        self._model_version = model_version
        self._strategy = strategy
        self._config = config
        self._clock = clock or SystemClock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="account", daemon=True)

    def start(self) -> None:
        """Begins to look."""
        self._thread.start()

    def ready(self) -> str | None:
        """None while it works, else the reason."""
        return None if self._thread.is_alive() else "no accounts of labels saved are drawn up"

    def stop(self) -> None:
        """Ends within a resample; the account in hand is given up."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> int:
        """Draws up what is due now; how many accounts that were. Raises Unavailable with the database or the index."""
        version, drawn = self._model_version(), 0
        for task in self._tasks:
            if self._stopping.is_set() or not is_due(self._store, self._accounts, task, version, self._config):
                continue

            def vectors(item_ids: Collection[str], tenant: str = task.tenant) -> Mapping[str, tuple[int, Floats]]:
                return self._vectors(tenant, version, list(item_ids))

            at_ms = int(self._clock.time() * 1000)
            subject = Subject(task, version, self._strategy(task, version))
            try:
                draw_up(self._store, self._accounts, vectors, subject, self._config, at_ms, self._rest)
            except _StoppingError:
                break
            drawn += 1
        return drawn

    def _rest(self) -> None:
        if self._stopping.wait(self._config.rest_s):
            raise _StoppingError

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.look()
            except Unavailable as error:
                logger.warning("no account for now", reason=str(error))
            self._stopping.wait(self._config.look_every_s)


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
