"""The judge is judged: a run in which all is well passes, and each thing that can go wrong is named by its kind."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.faults.ledger import Written, expected
from tests.faults.plan import Kind, Operation
from tests.faults.verdict import Observed, Point, kinds, verdict

OPERATIONS: Sequence[Operation] = (
    Operation(0, Kind.PUBLISH, "mill", "first words"),
    Operation(1, Kind.PUBLISH, "mill", "second words"),
    Operation(2, Kind.PUBLISH, "weir", "to be withdrawn"),
    Operation(3, Kind.WITHDRAW, "weir"),
    Operation(4, Kind.REPLAY, "weir", of=2),
    Operation(5, Kind.MALFORMED, "mill"),
    Operation(6, Kind.FUTURE, "mill"),
    Operation(7, Kind.TWIN, "oak-a", "of an oak"),
    Operation(8, Kind.TWIN, "oak-b", "of an oak"),
)
LOG = [Written(0, operation.number, operation.number) for operation in OPERATIONS]
EXPECTED = expected({operation.number: operation for operation in OPERATIONS}, set(range(9)), LOG)


def ids(*names: str) -> frozenset[str]:
    return frozenset(names)


GOOD = Observed(
    curation={
        ("mill", 0): {"curated": ids("c0")},
        ("mill", 1): {"curated": ids("c1")},
        ("weir", 2): {"curated": ids("c2")},
        ("weir", 3): {"withdrawn": ids("c3")},
        ("oak-a", 7): {"curated": ids("c7")},
        ("oak-b", 8): {"rejected": ids("c8")},
    },
    embedding={
        ("mill", 0): {"embedded": ids("e0")},
        ("mill", 1): {"embedded": ids("e1")},
        ("weir", 2): {"embedded": ids("e2")},
        ("weir", 3): {"withdrawn": ids("e3")},
        ("oak-a", 7): {"embedded": ids("e7")},
    },
    indexing={
        ("mill", 1): {"indexed": ids("i1")},
        ("weir", 3): {"unindexed": ids("i3")},
        ("oak-a", 7): {"indexed": ids("i7")},
    },
    points=(
        Point("mill", 0, 1, True, "second"),
        Point("mill", 1, 1, True, "words"),
        Point("weir", 0, 3, False, ""),
        Point("oak-a", 0, 7, True, "of an oak"),
    ),
    count=2,
    found={"mill": 1, "weir": None},
    dead={"curation": ids("0/5"), "embedding": ids()},
    parked={"curation": ids("0/6"), "embedding": ids()},
    said={"curated": ids("c0", "c1")},
    recorded={"curated": ("c0", "c1")},
)


def judged(**changes: object) -> set[str]:
    return kinds(verdict(EXPECTED, replace(GOOD, **changes)))  # type: ignore[arg-type]


def without(mapping: object, *keys: object) -> dict[object, object]:
    return {key: value for key, value in dict(mapping).items() if key not in keys}  # type: ignore[call-overload]


def test_a_run_in_which_all_is_well_passes() -> None:
    assert verdict(EXPECTED, GOOD) == []


def test_the_highest_version_says_whether_an_item_lives_and_with_which_words() -> None:
    assert EXPECTED.live == {"mill": (1, "second words")}
    assert EXPECTED.gone == {"weir"}


def test_a_replay_is_not_a_new_version() -> None:
    assert ("weir", 4) not in EXPECTED.outcomes


def test_a_repeated_event_makes_its_words_the_newest() -> None:
    operations = (*OPERATIONS, Operation(9, Kind.REPEAT, "mill", of=0))
    again = expected({one.number: one for one in operations}, set(), [*LOG, Written(0, 9, 9)])
    assert again.live == {"mill": (9, "first words")}


def test_an_acknowledged_operation_that_is_not_in_the_log_is_lost() -> None:
    short = expected({one.number: one for one in OPERATIONS}, {0, 99}, LOG)
    assert short.missing == [99]
    assert "lost" in kinds(verdict(short, GOOD))


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"curation": without(GOOD.curation, ("mill", 0))}, "lost"),
        ({"curation": {**GOOD.curation, ("mill", 0): {"curated": ids("c0", "x")}}}, "doubled"),
        ({"curation": {**GOOD.curation, ("mill", 0): {"curated": ids("c0"), "rejected": ids("r0")}}}, "doubled"),
        ({"curation": {**GOOD.curation, ("mill", 0): {"rejected": ids("r0")}}}, "strayed"),
        ({"curation": {**GOOD.curation, ("mill", 4): {"curated": ids("c4")}}}, "invented"),
        ({"embedding": without(GOOD.embedding, ("weir", 3))}, "lost"),
        ({"embedding": {**GOOD.embedding, ("oak-b", 8): {"embedded": ids("e8")}}}, "invented"),
        ({"embedding": {**GOOD.embedding, ("mill", 0): {"embedded": ids("e0", "x")}}}, "doubled"),
        ({"indexing": without(GOOD.indexing, ("mill", 1))}, "lost"),
        ({"indexing": {**GOOD.indexing, ("mill", 1): {"indexed": ids("i1", "x")}}}, "doubled"),
        ({"points": GOOD.points[2:]}, "lost"),
        ({"points": (*GOOD.points, Point("weir", 1, 2, True, "to be withdrawn"))}, "resurrected"),
        ({"points": (*GOOD.points, Point("mill", 0, 0, True, "first words"))}, "stale"),
        ({"points": (*GOOD.points, Point("mill", 0, 1, True, "second"))}, "doubled"),
        ({"points": (Point("mill", 0, 1, True, "first words"), *GOOD.points[2:])}, "stale"),
        ({"points": (*GOOD.points, Point("oak-b", 0, 8, True, "of an oak"))}, "doubled"),
        ({"points": GOOD.points[:3]}, "lost"),
        ({"points": (*GOOD.points, Point("elm", 0, 1, False, ""))}, "invented"),
        ({"count": 1}, "lost"),
        ({"count": 3}, "doubled"),
        ({"found": {"mill": None}}, "lost"),
        ({"found": {"mill": 0}}, "stale"),
        ({"found": {"weir": 2}}, "resurrected"),
        ({"dead": {"curation": ids()}}, "lost"),
        ({"dead": {"curation": ids("0/5"), "embedding": ids("0/1")}}, "strayed"),
        ({"parked": {"curation": ids()}}, "lost"),
        ({"recorded": {"curated": ("c0",)}}, "lost"),
        ({"recorded": {"curated": ("c0", "c1", "c1")}}, "doubled"),
        ({"recorded": {"curated": ("c0", "c1", "x")}}, "invented"),
    ],
)
def test_what_goes_wrong_is_named(changes: dict[str, object], kind: str) -> None:
    assert kind in judged(**changes)
