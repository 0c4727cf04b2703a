"""Why an item is refused: the reason, the value that offended and the bound that it broke."""

from collections.abc import Iterable
from dataclasses import dataclass

from schemas.items import RejectReason

SHOWN_CHARS = 120


@dataclass(frozen=True, slots=True)
class Objection:
    """What speaks against an item."""

    reason: RejectReason
    measured: str | None = None
    threshold: str | None = None


def at_least(value: float | None, bound: float, unit: str, reason: RejectReason) -> Objection | None:
    """Objects to a value below its bound; an unknown value breaks no bound."""
    return Objection(reason, _with(value, unit), _with(bound, unit)) if value is not None and value < bound else None


def at_most(value: float | None, bound: float, unit: str, reason: RejectReason) -> Objection | None:
    """Objects to a value above its bound; an unknown value breaks no bound."""
    return Objection(reason, _with(value, unit), _with(bound, unit)) if value is not None and value > bound else None


def first(objections: Iterable[Objection | None]) -> Objection | None:
    """The first that objects."""
    return next((objection for objection in objections if objection is not None), None)


def shown(value: object) -> str:
    """Any foreign value as short printable ASCII, fit for an event."""
    return ascii(str(value))[1:-1][:SHOWN_CHARS]


def _with(value: float, unit: str) -> str:
    return f"{value:.6g} {unit}" if isinstance(value, float) else f"{value} {unit}"
