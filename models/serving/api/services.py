"""What the API stands on: its ports as arguments, and the running API that the endpoints share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import ParamSpec, TypeVar
from uuid import UUID

from anyio import CapacityLimiter, Semaphore, fail_after, to_thread
from pydantic import JsonValue

from models.metadata.idempotency import IdempotencyKeys
from models.registry.records import Rollout
from models.registry.registry import Registry
from models.serving.api.config import ApiConfig
from models.serving.api.edge.problems import Problem
from models.serving.api.links import MediaLinks
from models.serving.api.outbox import Outbox
from models.serving.search import SearchService
from models.vector_index.port import VectorIndex
from streams.media.store import MediaStore
from streams.port import Producer

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Learning:
    """What the endpoints about training and releases stand on."""

    registry: Registry
    check_recipe: Callable[[str, Mapping[str, JsonValue]], object]
    """Name of a recipe and what to set otherwise. Raises Misconfigured, naming what is wrong."""
    promote: Callable[[str, bool, float | None, str, UUID], Rollout]
    """Begins to roll out: the version, whether without the gate's consent, the share of the canary (None: as
    configured), who asks, and the id of the request, which is granted once. Raises Refusal where that cannot be done
    now."""
    rollback: Callable[[str, str, UUID], Rollout]
    """Goes back to the model before, for a reason, asked by somebody in a request of that id, which is granted once;
    the rollout that went or goes back. Raises Refusal where that cannot be done now."""
    waits: Callable[[], Mapping[str, str]] = dict
    """What each job that has not ended waits for, by its id, in words; a job that waits for nothing is left out."""


@dataclass(frozen=True, slots=True)
class Services:
    """The parts behind the endpoints. Whoever builds them closes them, after the app has ended."""

    search: SearchService
    index: VectorIndex
    media: MediaStore
    producer: Producer
    """Owned by the API while it runs: nobody else may send or flush."""
    keys: IdempotencyKeys
    prefix: str = "millrace"
    """Of every topic's name."""
    length_of: Callable[[str], int | None] = lambda uri: None
    """Bytes of the medium at a place of the media store; None where none is there. Results link to those that are."""
    learning: Learning | None = None
    """None where nothing is trained or released: those endpoints answer 501."""
    ready: Callable[[], Mapping[str, str | None]] = dict
    """Further dependencies for `/readyz`: name to None, or to the reason why it is not ready."""


class Lane:
    """Threads for one kind of work, so that writers waiting for the log never hold up searches."""

    def __init__(self, threads: int, patience_s: float) -> None:
        self._turns = Semaphore(threads)
        self._threads = CapacityLimiter(threads)
        self._patience_s = patience_s

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of blocking work, which is always finished once begun. Raises 429 if its turn does not come."""
        try:
            with fail_after(self._patience_s):
                await self._turns.acquire()
        except TimeoutError:
            detail = f"no thread came free within {self._patience_s:g} s; try again"
            raise Problem(429, "too-many-requests", detail, {"Retry-After": "1"}) from None
        try:
            return await to_thread.run_sync(partial(work, *args, **kwargs), limiter=self._threads)
        finally:
            self._turns.release()


@dataclass(frozen=True, slots=True)
class Api:
    """The running API: services, settings and what it keeps itself."""

    services: Services
    config: ApiConfig
    outbox: Outbox
    links: MediaLinks
    searching: Lane
    writing: Lane
    probing: Lane

    def learning(self) -> Learning:
        """Raises 501 where nothing is trained or released."""
        if self.services.learning is None:
            raise Problem(501, "no-training", "this deployment trains and releases nothing")
        return self.services.learning


def running_api(services: Services, config: ApiConfig) -> Api:
    """Everything that the endpoints share."""
    return Api(
        services=services,
        config=config,
        outbox=Outbox(services.producer, config.publish_timeout_s, config.fact_queue),
        links=MediaLinks(config.media_secret, config.media_link_s),
        searching=Lane(config.search_threads, config.max_wait_s),
        writing=Lane(config.write_threads, config.max_wait_s),
        probing=Lane(2, config.max_wait_s),
    )
