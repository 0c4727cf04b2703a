"""The sides of a split. Evaluation comes first, and what is too near to it is trained on by nobody.

An item is measured with if people labelled it in the random arm, if it has a caption and its lot is low, or if it was
measured with before: the lot depends on the item's name alone, so a replay and a later snapshot draw the same.

Unless a model may know it: what an earlier snapshot trained on never measures, nor does what is too near to that. An
item that was trained on and that only a lot calls for stays in training. A label of the random arm is another thing:
it neither measures nor trains, as it witnesses what labels of the active arm are worth, by the vectors of models, and
must not have shaped them. What is only too near to something trained on trains nobody either, so that what is spoilt
does not spread from one near-duplicate to the next; it holds back nothing beside it.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

from schemas.annotations import Arm
from trainers.snapshots.rows import Key, Row, Split

Place = int
"""Index of a row."""
Pair = tuple[Place, Place]
"""A row, and one that it is too near to."""


@dataclass(frozen=True, slots=True)
class Past:
    """What earlier snapshots did, each of them: the model that serves may descend from any."""

    snapshots: int = 0
    """How many there were."""
    measured: frozenset[Key] = frozenset()
    """Never trained on again."""
    trained: frozenset[Key] = frozenset()
    """Never measured with again."""
    contents: frozenset[str] = frozenset()
    """Digests of what was trained on, under whatever name."""

    def learnt(self, row: Row) -> bool:
        """Whether a model may have learnt from an item, or from the same under another name."""
        return row.key in self.trained or row.content_sha256 in self.contents


def lot(seed: int, purpose: str, key: Key) -> float:
    """The number that an item draws, uniform in [0, 1)."""
    digest = blake2b(f"{seed}/{purpose}/{key.tenant}/{key.item_id}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest) >> 11) / 2**53


def measured_with(row: Row, share: float, seed: int) -> bool:
    """Whether an item belongs to the evaluation side by itself."""
    return asked_at_random(row) or (row.captioned and lot(seed, "evaluation", row.key) < share)


def asked_at_random(row: Row) -> bool:
    """Whether people labelled it in the random arm of some task."""
    return any(label.arm is Arm.RANDOM for label in row.labels)


def may_stay(row: Row, past: Past) -> bool:
    """Whether an item that may not measure is trained on: it was before, and no witness is lost by it."""
    return row.key in past.trained and row.key not in past.measured and not asked_at_random(row)


def evaluation_side(rows: Sequence[Row], before: Collection[Key], share: float, seed: int) -> list[Place]:
    """Places of the items to measure with; `before` are those that earlier snapshots measured with."""
    return [place for place, row in enumerate(rows) if row.key in before or measured_with(row, share, seed)]


def duplicates(rows: Sequence[Row]) -> list[Pair]:
    """Each row whose content is that of an earlier one, with the first of them."""
    first: dict[str, Place] = {}
    pairs = ((place, first.setdefault(row.content_sha256, place)) for place, row in enumerate(rows))
    return [(place, original) for place, original in pairs if place != original]


def divided(
    rows: Sequence[Row],
    evaluation: Collection[Place],
    near: Iterable[Pair],
    kept_back: Collection[Place] = (),
    barred: Collection[Place] = (),
) -> tuple[Row, ...]:
    """The rows with their sides and groups. `near` are pairs of near-duplicates beside the exact ones.

    What is kept back is neither measured with nor trained on, and nothing like it is; what is barred is neither itself.
    """
    groups = _groups(len(rows), [*duplicates(rows), *near])
    measured = set(evaluation)
    beside = {groups[place] for place in measured.union(kept_back)}
    neither = set(barred)

    def side(place: Place) -> Split:
        if place in measured:
            return Split.EVALUATION
        return Split.EXCLUDED if groups[place] in beside or place in neither else Split.TRAIN

    return tuple(replace(row, split=side(place), group=groups[place]) for place, row in enumerate(rows))


def _groups(count: int, pairs: Iterable[Pair]) -> list[Place]:
    """The first place of the connected rows, for each."""
    first = list(range(count))

    def root(place: Place) -> Place:
        while first[place] != place:
            first[place] = first[first[place]]
            place = first[place]
        return place

    for one, other in pairs:
        low, high = sorted((root(one), root(other)))
        first[high] = low
    return [root(place) for place in range(count)]
