"""What was measured of one model: a value for each item, so that two models can be compared in pairs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from schemas.training import EVERYTHING

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]


class Unit(NamedTuple):
    """What one value is about: an item, asked about in one task; or a query, whose text stands for the item id."""

    tenant: str
    item_id: str
    version: int
    task: str
    slices: tuple[str, ...] = ()
    """Such as `modality=image`, `language=de`, `source=shop`, `task=digits`."""


@dataclass(frozen=True)
class Measure:
    """One quality of one model, value by value. More is better unless `lower_is_better`."""

    name: str
    units: tuple[Unit, ...]
    values: Floats
    span: float = 1.0
    """Largest difference that two values can have."""
    lower_is_better: bool = False


@dataclass(frozen=True)
class Answers:
    """What the head of one model said of the items of a class task: for measures that are no mean over items."""

    task: str
    units: tuple[Unit, ...]
    truth: Codes
    """Place of the true class in the task."""
    said: Codes
    """Place of the most probable class."""
    sure: Floats
    """Its probability."""


@dataclass(frozen=True)
class Outcomes:
    """One model on one evaluation side."""

    model_version: str
    measures: tuple[Measure, ...]
    answers: tuple[Answers, ...] = ()
    items: int = 0
    """Items of the evaluation side that were looked at."""
    snapshot_sha256: str = ""
    encode_ms: Floats | None = None
    """Milliseconds an item, round by round beside those of the other model; None where nothing is encoded anew."""

    def timed(self, encode_ms: Floats) -> Self:
        return replace(self, encode_ms=encode_ms)

    def measure(self, name: str) -> Measure | None:
        return next((one for one in self.measures if one.name == name), None)


@dataclass(frozen=True)
class Pairs:
    """Values of candidate and live for the same items; an item that was asked about in several tasks counts once."""

    units: tuple[Unit, ...]
    candidate: Floats
    live: Floats

    @property
    def gains(self) -> Floats:
        return self.candidate - self.live

    def __len__(self) -> int:
        return len(self.units)


def paired(candidate: Measure, live: Measure | None, inside: str = EVERYTHING) -> Pairs:
    """What both models have a value for, of a slice."""
    known = {} if live is None else dict(zip(map(_key, live.units), live.values.tolist(), strict=True))
    rows: dict[tuple[str, str, int], list[tuple[Unit, float, float]]] = {}
    for unit, value in zip(candidate.units, candidate.values.tolist(), strict=True):
        if _key(unit) in known and (inside == EVERYTHING or inside in unit.slices):
            rows.setdefault(unit[:3], []).append((unit, value, known[_key(unit)]))
    return Pairs(
        tuple(several[0][0] for several in rows.values()),
        np.array([np.mean([row[1] for row in several]) for several in rows.values()], dtype=np.float64),
        np.array([np.mean([row[2] for row in several]) for several in rows.values()], dtype=np.float64),
    )


def slices_of(units: Sequence[Unit]) -> list[str]:
    """The names of the slices that any of them lies in, in order."""
    return sorted({name for unit in units for name in unit.slices})


def _key(unit: Unit) -> tuple[str, str, int, str]:
    return unit[:4]
