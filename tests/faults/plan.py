"""What will be published: a list of operations, drawn from a seed. Pure; knows nothing of the code under test."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

WORDS = [
    "water",
    "wheel",
    "mill",
    "river",
    "stone",
    "grain",
    "flour",
    "dam",
    "weir",
    "sluice",
    "paddle",
    "gear",
    "shaft",
    "bucket",
    "stream",
    "flood",
    "spring",
    "autumn",
    "miller",
    "baker",
    "cart",
    "horse",
    "road",
    "bridge",
    "village",
    "market",
    "bell",
    "tower",
    "field",
    "meadow",
    "barley",
    "rye",
    "oats",
    "wheat",
    "bread",
    "oven",
    "smoke",
    "hill",
    "forest",
    "oak",
    "willow",
    "heron",
    "trout",
    "otter",
    "frog",
    "dragonfly",
    "rain",
    "snow",
    "frost",
    "thaw",
    "morning",
    "evening",
    "lantern",
]


class Kind(StrEnum):
    """What an operation does."""

    PUBLISH = "publish"
    """An item, new or changed, with content of its own."""
    REFUSED = "refused"
    """New content that curation must reject: nothing but blanks."""
    WITHDRAW = "withdraw"
    TWIN = "twin"
    """An item with exactly the content of other items; one of them may live."""
    REPEAT = "repeat"
    """The same event once more, as a producer's retry may write it."""
    REPLAY = "replay"
    """An old record written back with its first place in headers, as a replay of dead letters does."""
    MALFORMED = "malformed"
    """Under an item's key, but no event."""
    FUTURE = "future"
    """An event of a major version that this code does not know."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One record to write to items.raw."""

    number: int
    kind: Kind
    item: str
    text: str | None = None
    of: int | None = None
    """The operation whose record is repeated or replayed."""


@dataclass(frozen=True, slots=True)
class _Step:
    kind: Kind
    of: int | None = None
    """Which step of the same item is repeated or replayed."""


def _life(words: str) -> tuple[_Step, ...]:
    named = [word.partition(":") for word in words.split()]
    return tuple(_Step(Kind(kind), int(of) if of else None) for kind, _, of in named)


LIVES: tuple[tuple[int, tuple[_Step, ...]], ...] = (
    (40, _life("publish")),
    (14, _life("publish publish")),
    (6, _life("publish publish publish publish")),
    (8, _life("publish withdraw")),
    (5, _life("publish withdraw publish")),
    (4, _life("publish refused")),
    (2, _life("refused publish")),
    (1, _life("refused")),
    (2, _life("withdraw")),
    (4, _life("publish repeat:0")),
    (2, _life("publish publish repeat:0")),
    (4, _life("publish publish replay:0")),
    (4, _life("publish withdraw replay:0")),
    (1, _life("publish refused replay:0")),
    (1, _life("publish withdraw publish replay:1")),
    (3, _life("publish malformed")),
    (1, _life("publish malformed publish")),
    (1, _life("publish future")),
)
"""What happens to an item, and how often. A first event repeated after a second makes the first text live again."""

TWINS_EVERY = 25
"""One pair of items in so many shares its content."""


@dataclass(frozen=True, slots=True)
class _Moment:
    """A step of a life and when it is taken, between 0 and 1."""

    time: float
    item: str
    step: _Step
    text: str | None


def plan(seed: int, items: int) -> list[Operation]:
    """Operations on so many items, interleaved; those on one item are in the order of its life."""
    rng = random.Random(seed)
    moments = sorted((moment for n in range(items) for moment in _moments(rng, n)), key=lambda moment: moment.time)
    written: dict[str, list[int]] = {}
    operations: list[Operation] = []
    for number, moment in enumerate(moments):
        earlier = written.setdefault(moment.item, [])
        of = None if moment.step.of is None else earlier[moment.step.of]
        operations.append(Operation(number, moment.step.kind, moment.item, moment.text, of))
        earlier.append(number)
    return operations


def _moments(rng: random.Random, number: int) -> Iterator[_Moment]:
    item = f"item-{number:05}"
    if number % TWINS_EVERY == 0:
        shared = sentence(rng, f"twin {number}")
        yield from (_Moment(rng.random(), f"{item}-{side}", _Step(Kind.TWIN), shared) for side in "ab")
        return
    [life] = rng.choices([life for _, life in LIVES], [weight for weight, _ in LIVES])
    # Half of them at one go: then nothing of another item lies between two records of one.
    times = [rng.random()] * len(life) if rng.random() < 0.5 else sorted(rng.random() for _ in life)
    for at, (time, step) in enumerate(zip(times, life, strict=True)):
        text = sentence(rng, f"{item} edition {at}") if step.kind is Kind.PUBLISH else None
        yield _Moment(time, item, step, text)


def sentence(rng: random.Random, head: str) -> str:
    """Words that no other operation has, of a length that makes one, two or three parts of an item."""
    return f"{head} {' '.join(rng.choices(WORDS, k=rng.choice((5, 12, 30))))}"
