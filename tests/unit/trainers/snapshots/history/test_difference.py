from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from schemas.annotations import Arm
from tests.unit.trainers.snapshots.frozen import digest, label, manifest, row
from trainers.snapshots.history.difference import Move, difference
from trainers.snapshots.rows import Key, Row, Split
from trainers.snapshots.splitting.sides import divided, duplicates, evaluation_side

A, B = Key("default", "a"), Key("default", "b")


def test_a_snapshot_does_not_differ_from_itself() -> None:
    assert difference(manifest(row("a")), manifest(row("a"))).empty


def test_what_came_and_went_is_named() -> None:
    found = difference(manifest(row("a")), manifest(row("b")))
    assert (found.added, found.removed, found.empty) == ((B,), (A,), False)


def test_a_new_version_is_told_from_new_content() -> None:
    before = manifest(row("a"), row("b"))
    after = manifest(row("a", version=2), row("b", content="other", version=2))
    assert difference(before, after).version_changed == (A, B)
    assert difference(before, after).content_changed == (B,)


def test_labels_that_came_changed_or_went_are_named() -> None:
    said = {"a": ("arts", None), "b": ("arts", "news"), "c": (None, "arts"), "d": ("arts", "arts")}
    before, after = (
        manifest(*(row(item, labels=(label(words[side]),) if words[side] else ()) for item, words in said.items()))
        for side in (0, 1)
    )
    assert [key.item_id for key in difference(before, after).labels_changed] == ["a", "b", "c"]


def test_a_label_told_again_has_changed() -> None:
    before, after = manifest(row("a", labels=(label("x"),))), manifest(row("a", labels=(label("x", revision=1),)))
    assert difference(before, after).labels_changed == (A,)


def test_an_item_that_changed_sides_is_named_with_both() -> None:
    found = difference(manifest(row("a")), manifest(row("a", split=Split.EVALUATION)))
    assert found.moved == (Move(A, Split.TRAIN, Split.EVALUATION),)


TURNS = st.lists(
    st.dictionaries(
        st.sampled_from("abcdef"), st.tuples(st.sampled_from("XYZ"), st.sampled_from([None, *Arm])), max_size=6
    ),
    min_size=2,
    max_size=4,
)
"""What there is at each freezing: contents by item, and the arm of a label."""


@given(TURNS)
def test_nothing_ever_moves_from_evaluation_to_training(turns: list[dict[str, tuple[str, Arm | None]]]) -> None:
    measured: set[Key] = set()
    snapshots = []
    for turn in turns:
        rows = [_row(item, content, arm) for item, (content, arm) in sorted(turn.items())]
        places = evaluation_side(rows, measured, share=0.3, seed=0)
        frozen = manifest(*divided(rows, places, duplicates(rows)))
        measured |= {one.key for one in frozen.of_split(Split.EVALUATION)}
        snapshots.append(frozen)
    forbidden = (Split.EVALUATION, Split.TRAIN)
    pairs = ((first, second) for place, first in enumerate(snapshots) for second in snapshots[place + 1 :])
    assert not any((one.before, one.after) == forbidden for pair in pairs for one in difference(*pair).moved)


def _row(item: str, content: str, arm: Arm | None) -> Row:
    plain = replace(row(item), content_sha256=digest(content))
    return plain if arm is None else replace(plain, labels=(label("arts", arm=arm),))
