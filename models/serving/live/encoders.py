"""The encoders of all models that may answer, loaded before they have to; and which of them answers a search.

A search takes its turns once, at its start: generation, encoder and space belong together until its end. Nothing waits
for a model here: one that is not loaded yet is passed over, and if it is that of a new generation, the former one goes
on for a bounded time. Its space is kept fresh for longer than that.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from models.encoders.port import Encoder
from models.registry.standing import Standing
from models.serving.config import SearchConfig
from models.serving.live.arms import Arm, Lot, arms
from models.serving.live.questions import FAULTS, Questions
from streams.clock import Clock, SystemClock
from streams.errors import Unavailable

logger = structlog.get_logger()


class Watch(Protocol):
    """Knows what serves."""

    def current(self) -> Standing:
        """Raises Unavailable if that has not been known for too long."""
        ...


@dataclass(frozen=True, slots=True)
class Turn:
    """What one search is answered with, from its start to its end."""

    arm: Arm
    generation: int
    questions: Questions

    @property
    def encoder(self) -> Encoder:
        return self.questions.encoder


@dataclass(frozen=True, slots=True)
class Failure:
    """An encoder that could not be loaded, and when it is tried again."""

    reason: str
    again_at_s: float


class LiveEncoders:
    """Shared by all threads that answer; `load` is called by one."""

    def __init__(
        self,
        watch: Watch,
        encoder_of: Callable[[str], Encoder],
        config: SearchConfig | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._watch = watch
        self._encoder_of = encoder_of
        self._config = config or SearchConfig()
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._loaded: Mapping[str, Questions] = {}  # replaced as a whole, so that a search sees one state of it
        self._failures: dict[str, Failure] = {}
        self._served: Standing | None = None
        self._behind_since: float | None = None

    @classmethod
    def of(cls, encoder: Encoder, config: SearchConfig | None = None) -> "LiveEncoders":
        """One encoder for ever: generation 0, where nothing is released."""
        live = cls(Still(encoder.version), lambda _: encoder, config)
        live._loaded = {encoder.version: Questions(encoder, live._config.query_cache)}
        live._in_effect(live._loaded)
        return live

    def turns(self, lot: Lot) -> tuple[Turn, ...]:
        """Who answers a search, then who answers if that fails. Raises Unavailable while nobody can."""
        loaded = self._loaded
        standing = self._in_effect(loaded)
        drawn = arms(standing, lot)
        return tuple(Turn(arm, standing.generation, loaded[version]) for arm, version in drawn if version in loaded)

    def encoder(self, version: str | None = None) -> Encoder | None:
        """The encoder of a version if it is loaded; without a version the one that serves. May raise Unavailable."""
        if version is None:
            return self.turns(lambda: 1.0)[0].encoder
        questions = self._loaded.get(version)
        return questions.encoder if questions else None

    def standing(self) -> Standing:
        """What serves and what is on its way, whether it is loaded here or not. Raises Unavailable."""
        return self._watch.current()

    def shelf_ready(self) -> frozenset[str]:
        """Versions of the encoders that can answer at once."""
        return frozenset(self._loaded)

    def failures(self) -> dict[str, str]:
        """Why encoders that may have to answer could not be loaded so far."""
        return {version: failure.reason for version, failure in self._failures.copy().items()}

    @property
    def serving(self) -> str:
        """Version of the encoder that served last, as far as memory tells; never waits."""
        return self._served.encoder_version if self._served else "none"

    def behind(self) -> str | None:
        """Why a former generation still answers here; None if it does not."""
        standing, served = self._watch.current(), self._served
        if served is None or standing.encoder_version in self._loaded:
            return None
        return f"generation {served.generation} still answers: {self._missing(standing)}"

    def ready(self) -> str | None:
        """None while searches can be answered, else the reason."""
        try:
            self.turns(lambda: 1.0)
        except Unavailable as error:
            return str(error)
        return None

    def load(self) -> None:
        """Loads what may have to answer and is not loaded yet, and lets go of what has had its time."""
        standing = self._watch.current()
        for version in standing.written:
            failure = self._failures.get(version)
            if version not in self._loaded and (failure is None or failure.again_at_s <= self._clock.monotonic()):
                self._fetch(version)
        if standing.encoder_version in self._loaded:
            self._in_effect(self._loaded)
        self._let_go({*standing.written, self.serving})

    def _fetch(self, version: str) -> None:
        started_s = self._clock.monotonic()
        try:
            questions = Questions(self._encoder_of(version), self._config.query_cache)
            questions.prove()
        except FAULTS as error:
            again_at_s = self._clock.monotonic() + self._config.load_again_s
            self._failures[version] = Failure(str(error) or type(error).__name__, again_at_s)
            logger.warning("an encoder cannot be loaded", version=version, reason=str(error))
            return
        self._failures.pop(version, None)
        self._loaded = {**self._loaded, version: questions}
        logger.info("an encoder is ready", version=version, seconds=round(self._clock.monotonic() - started_s, 3))

    def _let_go(self, wanted: set[str]) -> None:
        for version in self._failures.keys() - wanted:
            del self._failures[version]
        if gone := self._loaded.keys() - wanted:
            self._loaded = {version: kept for version, kept in self._loaded.items() if version in wanted}
            logger.info("let go of encoders", versions=sorted(gone))

    def _in_effect(self, loaded: Mapping[str, Questions]) -> Standing:
        """What serves; for a while what served before, if that is not loaded yet."""
        standing = self._watch.current()
        with self._lock:
            former = self._served
            if standing.encoder_version in loaded:
                if former is None or standing.generation >= former.generation:  # another thread may have looked later
                    self._served, self._behind_since = standing, None
                return standing
            now_s = self._clock.monotonic()
            if self._behind_since is None:
                self._behind_since = now_s
            in_time = now_s - self._behind_since <= self._config.switch_lag_s
        if former is None or not in_time or former.encoder_version not in loaded:
            raise Unavailable(self._missing(standing))
        return replace(former, rollout=None)

    def _missing(self, standing: Standing) -> str:
        version, failure = standing.encoder_version, self._failures.get(standing.encoder_version)
        reason = failure.reason if failure else "it is being loaded"
        return f"the encoder {version} of generation {standing.generation} is not ready: {reason}"


@dataclass(frozen=True, slots=True)
class Still:
    """Where nothing is ever released."""

    version: str

    def current(self) -> Standing:
        return Standing(generation=0, model_version=self.version, encoder_version=self.version, rollout=None)
