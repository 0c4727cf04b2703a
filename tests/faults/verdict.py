"""The judgement: what the ledger expects against what was found. Pure, so that it can be tested itself.

A violation begins with its kind: `lost`, `doubled`, `resurrected`, `stale`, `invented` or `strayed`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

from tests.faults.ledger import Expected, Version

Said = Mapping[Version, Mapping[str, frozenset[str]]]
"""What was said of each version of an item: types of events, and the ids under which each was said."""


OFTEN = {"unindexed"}
"""A version may be withdrawn for several causes, each with its own id."""


@dataclass(frozen=True, slots=True)
class Point:
    """A point of the index as it lies there."""

    item: str
    part: int
    version: int
    live: bool
    """Some query can find it."""
    text: str


@dataclass(frozen=True, slots=True)
class Observed:
    """What was found when everything had settled and the workers had ended."""

    curation: Said
    """From items.curated and items.rejected; `replaced` are withdrawals that curation itself decided on."""
    embedding: Said
    indexing: Said
    points: tuple[Point, ...]
    count: int
    """Items that the index says it holds."""
    found: Mapping[str, int | None]
    """For a sample of items, searched by their own words: the version that came back."""
    dead: Mapping[str, frozenset[str]]
    """Places of records in the dead letters of each stage, as `partition/offset`."""
    parked: Mapping[str, frozenset[str]]
    said: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Ids of all events in the log, by type."""
    recorded: Mapping[str, tuple[str, ...]] | None = None
    """Ids of all rows that people read in ClickHouse, by type; None where nothing recorded."""


def verdict(expected: Expected, observed: Observed) -> list[str]:
    """Every promise that was broken, in words; empty if all was kept."""
    return list(
        chain(
            (f"lost: operation {number} was acknowledged and is not in the log" for number in expected.missing),
            _outcomes(expected, observed),
            _handed_on(observed),
            _index(expected, observed),
            _searches(expected, observed),
            _letters("dead", expected.dead, observed.dead),
            _letters("parked", expected.parked, observed.parked),
            _records(observed),
        )
    )


def kinds(violations: Iterable[str]) -> set[str]:
    return {violation.partition(":")[0] for violation in violations}


def _outcomes(expected: Expected, observed: Observed) -> Iterator[str]:
    for version, wanted in expected.outcomes.items():
        said = {kind: ids for kind, ids in observed.curation.get(version, {}).items() if kind != "replaced"}
        if not said:
            yield f"lost: {_of(version)} has no outcome"
        elif len(said) > 1:
            yield f"doubled: {_of(version)} has several outcomes: {sorted(said)}"
        elif wanted not in said and not (wanted == "either" and said.keys() <= {"curated", "rejected"}):
            yield f"strayed: {_of(version)} should be {wanted} and is {next(iter(said))}"
    for version, by_type in observed.curation.items():
        if by_type.keys() - {"replaced"} and version not in expected.outcomes:
            yield f"invented: {_of(version)} has an outcome, but no such record was read"
    yield from _said_once("curation", observed.curation)


def _handed_on(observed: Observed) -> Iterator[str]:
    """What curation let pass must have been embedded; nothing else may be."""
    passed = {
        (version, "withdrawn" if kind in ("withdrawn", "replaced") else "embedded")
        for version, said in observed.curation.items()
        for kind in said
        if kind != "rejected"
    }
    embedded = {
        (version, "withdrawn" if kind == "replaced" else kind)
        for version, said in observed.embedding.items()
        for kind in said
    }
    yield from (f"lost: {_of(version)} was never {kind} by embedding" for version, kind in passed - embedded)
    yield from (f"invented: {_of(version)} was {kind} by embedding" for version, kind in embedded - passed)
    yield from _said_once("embedding", observed.embedding)
    yield from _said_once("indexing", observed.indexing)
    for version in observed.indexing.keys() - observed.embedding.keys():
        yield f"invented: {_of(version)} was indexed, but never embedded"


def _said_once(stage: str, said: Said) -> Iterator[str]:
    for version, by_type in said.items():
        for kind, ids in by_type.items():
            if len(ids) > 1 and kind not in OFTEN:
                yield f"doubled: {stage} said {kind} of {_of(version)} under {len(ids)} ids"


def _index(expected: Expected, observed: Observed) -> Iterator[str]:
    points: dict[str, list[Point]] = defaultdict(list)
    for point in observed.points:
        points[point.item].append(point)
    for item, (version, text) in expected.live.items():
        yield from _live(item, version, text, points[item], observed)
    for group in expected.twins:
        yield from _twins(group, points, observed)
    revived = {point.item: point.version for point in observed.points if point.live and point.item in expected.gone}
    yield from (f"resurrected: {item} is gone, but in the index at version {v}" for item, v in revived.items())
    places = Counter((point.item, point.part) for point in observed.points)
    yield from (
        f"doubled: {count} points are part {part} of {item}" for (item, part), count in places.items() if count > 1
    )
    known = expected.live.keys() | expected.gone | set(chain.from_iterable(expected.twins))
    yield from (f"invented: {item} is in the index and was never published" for item in points.keys() - known)
    wanted = len(expected.live) + len(expected.twins)
    if observed.count != wanted:
        yield f"{'lost' if observed.count < wanted else 'doubled'}: {observed.count} items in the index, not {wanted}"


def _twins(
    group: Mapping[str, tuple[int, str]], points: Mapping[str, list[Point]], observed: Observed
) -> Iterator[str]:
    alive = [item for item in group if any(point.live for point in points[item])]
    if not alive:
        yield f"lost: none of the twins {sorted(group)} is in the index"
    elif len(alive) > 1:
        yield f"doubled: twins live side by side: {sorted(alive)}"
    for item in alive:
        yield from _live(item, *group[item], points[item], observed)


def _live(item: str, version: int, text: str, points: Iterable[Point], observed: Observed) -> Iterator[str]:
    live = sorted((point for point in points if point.live), key=lambda point: (point.part, point.version))
    if not live:
        yield f"lost: {item} at version {version} is not in the index"
    elif any(point.version != version for point in live):
        yield f"stale: {item} should be at version {version} and has {[point.version for point in live]}"
    elif " ".join(point.text for point in live).split() != text.split():
        yield f"stale: {item} at version {version} has other words than were published"
    elif (item, version) not in observed.indexing:
        yield f"lost: {item} at version {version} is in the index, but nobody was told"


def _searches(expected: Expected, observed: Observed) -> Iterator[str]:
    for item, version in observed.found.items():
        wanted = expected.live[item][0] if item in expected.live else None
        if version is None and wanted is not None:
            yield f"lost: {item} is not found by its own words"
        elif version is not None and wanted is None:
            yield f"resurrected: {item} is found by its own words"
        elif version != wanted:
            yield f"stale: {item} is found at version {version}, not {wanted}"


def _letters(what: str, wanted: frozenset[str], found: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """Curation sets aside what it cannot read; what it passed on, every other stage can read."""
    for stage, places in found.items():
        allowed = wanted if stage == "curation" else frozenset()
        yield from (f"lost: the {what} letter of {place} is not with {stage}" for place in sorted(allowed - places))
        yield from (f"strayed: {place} is a {what} letter of {stage}" for place in sorted(places - allowed))


def _records(observed: Observed) -> Iterator[str]:
    if observed.recorded is None:
        return
    for kind, ids in observed.said.items():
        rows = observed.recorded.get(kind, ())
        if len(rows) != len(set(rows)):
            yield f"doubled: {len(rows)} rows of {kind} for {len(set(rows))} events"
        if missing := len(ids - set(rows)):
            yield f"lost: {missing} events {kind} were not recorded"
        if extra := len(set(rows) - ids):
            yield f"invented: {extra} rows of {kind} that nobody said"


def _of(version: Version) -> str:
    return f"{version[0]} at version {version[1]}"
