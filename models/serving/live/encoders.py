"""The encoders and heads of all models that may answer, loaded before they have to; and which of them answers.

A search takes its turns once, at its start: generation, encoder and space belong together until its end. Nothing waits
for a model here: one that is not loaded yet is passed over, and if it is that of a new generation, the former one goes
on for a bounded time. Its space is kept fresh for longer than that. A question about classes takes encoder and heads
likewise, both from one standing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from models.encoders.port import Encoder
from models.heads.bundle import HeadBundle
from models.registry.standing import Standing
from models.serving.config import SearchConfig
from models.serving.live.arms import Arm, Lot, arms
from models.serving.live.loaded import Loaded
from models.serving.live.questions import Questions
from models.serving.live.succession import Succession
from streams.clock import Clock, SystemClock
from streams.errors import Unavailable

Encoders = Mapping[str, Questions]
Heads = Mapping[str, HeadBundle | None]


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
class Labelling:
    """What one question about classes is answered with, from its start to its end."""

    generation: int
    model_version: str
    encoder: Encoder
    heads: HeadBundle | None
    """None where the model brings none."""

    def __post_init__(self) -> None:
        """Raises Unavailable rather than show vectors to heads that were fitted to those of another encoder."""
        if self.heads is not None and self.heads.encoder_version != self.encoder.version:
            fitted_to = f"the heads of {self.model_version} were fitted to {self.heads.encoder_version}"
            raise Unavailable(f"{fitted_to}, and {self.encoder.version} serves")


def no_heads(version: str) -> None:
    """Where no model brings heads."""


class LiveEncoders:
    """Shared by all threads that answer; `load` is called by one."""

    def __init__(
        self,
        watch: Watch,
        encoder_of: Callable[[str], Encoder],
        config: SearchConfig | None = None,
        clock: Clock | None = None,
        heads_of: Callable[[str], HeadBundle | None] = no_heads,
    ) -> None:
        self._watch = watch
        self._encoder_of = encoder_of
        self._config = config or SearchConfig()
        clock = clock or SystemClock()
        again_s, lag_s = self._config.load_again_s, self._config.switch_lag_s
        self._encoders = Loaded("encoder", self._proven, again_s, clock)
        self._heads = Loaded("heads", heads_of, again_s, clock)
        self._searches, self._labels = Succession(lag_s, clock), Succession(lag_s, clock)

    @classmethod
    def of(
        cls, encoder: Encoder, config: SearchConfig | None = None, heads: HeadBundle | None = None
    ) -> "LiveEncoders":
        """One encoder for ever: generation 0, where nothing is released."""
        live = cls(Still(encoder.version), lambda _: encoder, config)
        live._encoders.here = {encoder.version: Questions(encoder, live._config.query_cache)}
        live._heads.here = {encoder.version: heads}
        live._for_searches(live._watch.current(), live._encoders.here)
        return live

    def turns(self, lot: Lot) -> tuple[Turn, ...]:
        """Who answers a search, then who answers if that fails. Raises Unavailable while nobody can."""
        standing, loaded, _ = self._taken(lambda now, encoders, _: self._for_searches(now, encoders))
        drawn = arms(standing, lot)
        return tuple(Turn(arm, standing.generation, loaded[version]) for arm, version in drawn if version in loaded)

    def labelling(self) -> Labelling:
        """What answers a question about classes, taken at its start. Raises Unavailable while nobody can."""
        standing, encoders, heads = self._taken(self._for_labels)
        encoder = encoders[standing.encoder_version].encoder
        return Labelling(standing.generation, standing.model_version, encoder, heads[standing.model_version])

    def encoder(self, version: str | None = None) -> Encoder | None:
        """The encoder of a version if it is loaded; without a version the one that serves. May raise Unavailable."""
        if version is None:
            return self.turns(lambda: 1.0)[0].encoder
        questions = self._encoders.here.get(version)
        return questions.encoder if questions else None

    def standing(self) -> Standing:
        """What serves and what is on its way, whether it is loaded here or not. Raises Unavailable."""
        return self._watch.current()

    def shelf_ready(self) -> frozenset[str]:
        """Versions of the encoders that can answer at once."""
        return frozenset(self._encoders.here)

    def failures(self) -> dict[str, str]:
        """Why encoders that may have to answer, or heads, could not be loaded so far; by version."""
        return self._heads.failures() | self._encoders.failures()

    @property
    def serving(self) -> str:
        """Version of the encoder that served last, as far as memory tells; never waits."""
        return self._searches.served.encoder_version if self._searches.served else "none"

    def behind(self) -> str | None:
        """Why a former generation still answers here; None if it does not."""
        encoders = self._encoders.here
        return self._searches.behind(self._watch.current(), lambda one: self._no_encoder(one, encoders))

    def without_heads(self) -> str | None:
        """Why the heads of what serves could not be loaded; None while they are here, or on their way."""
        standing = self._watch.current()
        failed = standing.model_version in self._heads.failures()
        return self._no_heads(standing, self._encoders.here, self._heads.here) if failed else None

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
        self._heads.load(standing.models)  # they are small, and are there when their encoder is
        self._encoders.load(standing.written)
        encoders, heads = self._encoders.here, self._heads.here
        if self._no_encoder(standing, encoders) is None:
            self._for_searches(standing, encoders)
        if self._no_heads(standing, encoders, heads) is None:
            self._for_labels(standing, encoders, heads)
        former = [one for one in (self._searches.served, self._labels.served) if one is not None]
        self._encoders.let_go({*standing.written, *(one.encoder_version for one in former)})
        self._heads.let_go({*standing.models, *(one.model_version for one in former)})

    def _proven(self, version: str) -> Questions:
        questions = Questions(self._encoder_of(version), self._config.query_cache)
        questions.prove()
        return questions

    def _taken(self, choose: Callable[[Standing, Encoders, Heads], Standing]) -> tuple[Standing, Encoders, Heads]:
        """The standing that answers, and what is loaded, both as of one moment. Raises Unavailable.

        Nobody is refused for having looked while something came or went.
        """
        while True:
            now, encoders, heads = self._watch.current(), self._encoders.here, self._heads.here
            try:
                return choose(now, encoders, heads), encoders, heads
            except Unavailable:
                if self._encoders.here is encoders and self._heads.here is heads:
                    raise

    def _for_searches(self, standing: Standing, encoders: Encoders) -> Standing:
        """What serves; for a while what served before, if that is not loaded yet."""
        return self._searches.in_effect(standing, lambda one: self._no_encoder(one, encoders))

    def _for_labels(self, standing: Standing, encoders: Encoders, heads: Heads) -> Standing:
        """The same for questions about classes: they need the heads too."""
        return self._labels.in_effect(standing, lambda one: self._no_heads(one, encoders, heads))

    def _no_encoder(self, standing: Standing, encoders: Encoders) -> str | None:
        version = standing.encoder_version
        if version in encoders:
            return None
        reason = self._encoders.missing(version)
        return f"the encoder {version} of generation {standing.generation} is not ready: {reason}"

    def _no_heads(self, standing: Standing, encoders: Encoders, heads: Heads) -> str | None:
        version = standing.model_version
        if version in heads:
            return self._no_encoder(standing, encoders)
        return f"the heads {version} of generation {standing.generation} are not ready: {self._heads.missing(version)}"


@dataclass(frozen=True, slots=True)
class Still:
    """Where nothing is ever released."""

    version: str

    def current(self) -> Standing:
        return Standing(generation=0, model_version=self.version, encoder_version=self.version, rollout=None)
