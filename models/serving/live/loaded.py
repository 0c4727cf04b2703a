"""What is loaded beside the requests, by version, and what could not be loaded and is tried again later."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog

from models.serving.live.questions import FAULTS
from streams.clock import Clock

logger = structlog.get_logger()

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that could not be loaded, and when it is tried again."""

    reason: str
    again_at_s: float


class Loaded(Generic[T]):
    """Things of one kind. Loaded by one thread, looked at by many."""

    def __init__(self, kind: str, load: Callable[[str], T], again_s: float, clock: Clock) -> None:
        """`kind` is what a log calls one of them; `again_s` is how long after a failure it is tried again."""
        self._kind = kind
        self._load = load
        self._again_s = again_s
        self._clock = clock
        self._failures: dict[str, Failure] = {}
        self.here: Mapping[str, T] = {}
        """Replaced as a whole, so that a request sees one state of it."""

    def load(self, versions: Collection[str]) -> None:
        """Those that are not here and have not failed lately."""
        for version in versions:
            failure = self._failures.get(version)
            if version not in self.here and (failure is None or failure.again_at_s <= self._clock.monotonic()):
                self._fetch(version)

    def let_go(self, wanted: Collection[str]) -> None:
        """Of all but these."""
        for version in self._failures.keys() - wanted:
            del self._failures[version]
        if gone := self.here.keys() - wanted:
            self.here = {version: kept for version, kept in self.here.items() if version in wanted}
            logger.info("let go", what=self._kind, versions=sorted(gone))

    def failures(self) -> dict[str, str]:
        """Why some of them are not here."""
        return {version: failure.reason for version, failure in self._failures.copy().items()}

    def missing(self, version: str) -> str:
        """Why this one is not here."""
        failure = self._failures.get(version)
        return failure.reason if failure else "it is being loaded"

    def _fetch(self, version: str) -> None:
        started_s = self._clock.monotonic()
        try:
            found = self._load(version)
        except FAULTS as error:
            again_at_s = self._clock.monotonic() + self._again_s
            self._failures[version] = Failure(str(error) or type(error).__name__, again_at_s)
            logger.warning("cannot be loaded", what=self._kind, version=version, reason=str(error))
            return
        self._failures.pop(version, None)
        self.here = {**self.here, version: found}
        logger.info("ready", what=self._kind, version=version, seconds=round(self._clock.monotonic() - started_s, 3))
