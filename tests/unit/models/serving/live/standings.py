"""What serves, said by a test; encoders that differ in their salt; and a clock that only the test moves."""

from dataclasses import dataclass, field
from typing import Any

from models.encoders.config import EncoderConfig
from models.encoders.hashing import HashingEncoder
from models.registry.records import Rollout, RolloutState
from models.registry.standing import Standing
from streams.errors import Unavailable

OLD, NEW, THIRD = (HashingEncoder(EncoderConfig(), salt=salt) for salt in range(3))
ENCODERS = {encoder.version: encoder for encoder in (OLD, NEW, THIRD)}
TRACE = f"00-{'a' * 32}-{'b' * 16}-01"


def rollout(state: RolloutState, share: float = 0.5, new: str = NEW.version, old: str = OLD.version) -> Rollout:
    return Rollout("r", new, new, old, old, state, share, False, "tests", TRACE, 1, 1)


def standing(generation: int, version: str, under_way: Rollout | None = None) -> Standing:
    return Standing(generation, version, version, under_way)


AT_REST = standing(0, OLD.version)
PREPARING = standing(0, OLD.version, rollout(RolloutState.PREPARING))
CANARY = standing(0, OLD.version, rollout(RolloutState.CANARY))
WATCHING = standing(1, NEW.version, rollout(RolloutState.WATCHING))
DONE = standing(1, NEW.version)


@dataclass
class Said:
    """A watch that answers what it is told to."""

    now: Standing = AT_REST
    down: bool = False

    def current(self) -> Standing:
        if self.down:
            raise Unavailable("the metadata database does not answer")
        return self.now


@dataclass
class Moved:
    """A clock that stands still."""

    now_s: float = 0.0

    def monotonic(self) -> float:
        return self.now_s

    def time(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


@dataclass
class Shelf:
    """Encoders by version, some of which cannot be had."""

    missing: dict[str, Exception] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def get(self, version: str) -> Any:
        self.asked.append(version)
        if version in self.missing:
            raise self.missing[version]
        return ENCODERS[version]
