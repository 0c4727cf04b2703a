"""The answers of different people to one question about one item, and which of them say the same."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from annotation.label_studio.templates.answers import Answer
from models.labels.store import Result
from schemas.annotations import Arm

Alike = Callable[[Answer, Answer], bool]


@dataclass(frozen=True, slots=True)
class Vote:
    """What one person answered."""

    annotator: str
    answer: Answer | None
    """None for a skip."""
    version: int
    """Of the item that was shown."""
    arm: Arm
    key: str
    """Of the annotation."""
    result: Result = ()


@dataclass(frozen=True, slots=True)
class Camp:
    """Votes that say the same as one of them."""

    speaker: Vote
    votes: tuple[Vote, ...]
    """The speaker's included."""


def camps(votes: Sequence[Vote], alike: Alike, weight: Callable[[Vote], float]) -> list[Camp]:
    """The answers, gathered around those that most weight agrees with; the heaviest camp first. Skips are left out.

    The order of the votes does not matter.
    """
    left = sorted((vote for vote in votes if vote.answer is not None), key=_place)
    found: list[Camp] = []
    while left:
        candidates = [Camp(vote, tuple(other for other in left if _same(vote, other, alike))) for vote in left]
        best = max(candidates, key=lambda camp: (_weight(camp, weight), weight(camp.speaker)))
        found.append(best)
        inside = {vote.key for vote in best.votes}
        left = [vote for vote in left if vote.key not in inside]
    return found


def agreeing_share(votes: Sequence[Vote], alike: Alike) -> float | None:
    """Share of the pairs of answers that say the same; None where there is no pair."""
    given = [vote for vote in votes if vote.answer is not None]
    pairs = [(one, other) for place, one in enumerate(given) for other in given[:place]]
    return sum(_same(one, other, alike) for one, other in pairs) / len(pairs) if pairs else None


def _same(one: Vote, other: Vote, alike: Alike) -> bool:
    if one.answer is None or other.answer is None:
        return False
    return one.key == other.key or alike(one.answer, other.answer)


def _weight(camp: Camp, weight: Callable[[Vote], float]) -> float:
    return round(sum(sorted(weight(vote) for vote in camp.votes)), 9)  # sorted: sums do not depend on arrival


def _place(vote: Vote) -> tuple[str, str]:
    return vote.annotator, vote.key
