import random

from hypothesis import given
from hypothesis import strategies as st

from schemas.annotations import Arm
from schemas.items import Modality
from tests.unit.trainers.snapshots.frozen import label, manifest, row
from trainers.snapshots.rows import Key, Row, Split
from trainers.snapshots.splitting.sides import Pair, divided, evaluation_side, lot

ITEMS = st.lists(
    st.builds(
        row,
        item_id=st.text(min_size=1, max_size=4),
        content=st.sampled_from("ABCDEFGH"),
        tenant=st.sampled_from(["red", "blue"]),
        modality=st.sampled_from([Modality.IMAGE, Modality.TEXT]),
        text=st.sampled_from([None, "words"]),
        labels=st.lists(
            st.builds(label, st.sampled_from(["arts", "news"]), arm=st.sampled_from([Arm.ACTIVE, Arm.RANDOM])),
            max_size=1,
        ).map(tuple),
    ),
    max_size=12,
    unique_by=lambda one: one.key,
).map(lambda rows: sorted(rows, key=lambda one: one.key))
SHARES = st.sampled_from([0.0, 0.3, 0.9])


@st.composite
def splits(draw: st.DrawFn) -> tuple[list[Row], list[int], list[Pair]]:
    """Rows, the places to measure with, and near-duplicates of those."""
    rows = draw(ITEMS)
    before = draw(st.sets(st.sampled_from([one.key for one in rows]))) if rows else set[Key]()
    measured = evaluation_side(rows, before, draw(SHARES), draw(st.integers(0, 5)))
    others = sorted(set(range(len(rows))) - set(measured))
    if not others or not measured:
        return rows, measured, []
    return rows, measured, draw(st.lists(st.tuples(st.sampled_from(others), st.sampled_from(measured)), max_size=8))


@given(splits())
def test_no_content_that_is_measured_with_is_trained_on(case: tuple[list[Row], list[int], list[Pair]]) -> None:
    rows = divided(*case)
    measured = {one.content_sha256 for one in rows if one.split is Split.EVALUATION}
    trained = {one.content_sha256 for one in rows if one.split is Split.TRAIN}
    assert not measured & trained


@given(splits())
def test_no_near_duplicate_of_what_is_measured_with_is_trained_on(
    case: tuple[list[Row], list[int], list[Pair]],
) -> None:
    rows = divided(*case)
    near = {rows[other].content_sha256 for other, _ in case[2]}
    assert not any(one.split is Split.TRAIN and one.content_sha256 in near for one in rows)


@given(splits())
def test_a_group_is_never_on_both_sides(case: tuple[list[Row], list[int], list[Pair]]) -> None:
    rows = divided(*case)
    measured = {one.group for one in rows if one.split is Split.EVALUATION}
    assert not any(one.split is Split.TRAIN and one.group in measured for one in rows)
    assert all(one.group <= place and rows[one.group].group == one.group for place, one in enumerate(rows))


@given(splits())
def test_what_is_to_be_measured_with_always_is(case: tuple[list[Row], list[int], list[Pair]]) -> None:
    rows = divided(*case)
    assert [place for place, one in enumerate(rows) if one.split is Split.EVALUATION] == case[1]
    assert all(one.split is Split.EVALUATION for one in rows if any(each.arm is Arm.RANDOM for each in one.labels))


@given(splits(), st.randoms(use_true_random=False))
def test_rows_in_any_order_make_the_same_manifest(
    case: tuple[list[Row], list[int], list[Pair]], order: random.Random
) -> None:
    rows = list(divided(*case))
    name = manifest(*rows).sha256
    order.shuffle(rows)
    assert manifest(*rows).sha256 == name


@given(ITEMS, ITEMS, SHARES)
def test_an_item_stays_on_the_evaluation_side_whatever_comes_or_goes(
    earlier: list[Row], later: list[Row], share: float
) -> None:
    measured = {earlier[place].key for place in evaluation_side(earlier, (), share, 0)}
    again = {later[place].key for place in evaluation_side(later, measured, share, 0)}
    assert measured & {one.key for one in later} <= again


@given(splits(), st.sets(st.integers(0, 11)))
def test_what_is_kept_back_and_what_is_like_it_is_not_trained_on(
    case: tuple[list[Row], list[int], list[Pair]], back: set[int]
) -> None:
    rows, measured, near = case
    kept = {place for place in back if place < len(rows)}
    parted = divided(rows, measured, near, kept)
    held = {rows[place].content_sha256 for place in kept}
    assert not any(one.split is Split.TRAIN and one.content_sha256 in held for one in parted)
    assert [place for place, one in enumerate(parted) if one.split is Split.EVALUATION] == measured


def test_lots_are_spread_evenly() -> None:
    numbers = [lot(0, "evaluation", Key("default", str(number))) for number in range(2_000)]
    assert all(150 < sum(low / 10 <= number < (low + 1) / 10 for number in numbers) < 250 for low in range(10))


def test_another_seed_and_another_purpose_draw_otherwise() -> None:
    key = Key("default", "a")
    assert len({lot(0, "evaluation", key), lot(1, "evaluation", key), lot(0, "room", key)}) == 3
