from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import Misconfigured
from tests.unit.trainers.learning.lessons import dataset
from trainers.learning.batches.augmentation import NUMBERS, augmented
from trainers.learning.batches.batching import batch_at
from trainers.learning.batches.drawing import endless, fresh_share, places_of
from trainers.learning.batches.shapes import Batch, mapped
from trainers.learning.data.dataset import Dataset
from trainers.recipes.recipe import Augmentation, Recipe

RECIPE = Recipe(batch=16, side_batch=8, accumulation=2)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return dataset(tmp_path_factory.mktemp("data") / "set", classed=20, triples=6)


def tensors(batch: Batch) -> list[torch.Tensor]:
    found: list[torch.Tensor] = []
    mapped(batch, lambda each: found.append(each) or each)  # type: ignore[func-returns-value]
    return found


@pytest.mark.parametrize("world", [2, 4])
@pytest.mark.parametrize("step", [0, 3])
def test_any_number_of_ranks_sees_the_step_of_one(data: Dataset, world: int, step: int) -> None:
    for micro in range(RECIPE.accumulation):
        alone = tensors(batch_at(data, RECIPE, step, micro, 0, 1))
        ranks = [tensors(batch_at(data, RECIPE, step, micro, rank, world)) for rank in range(world)]
        for place, whole in enumerate(alone):
            assert torch.equal(torch.cat([own[place] for own in ranks]), whole)


def test_parts_of_a_step_are_those_of_the_step_in_one_part(data: Dataset) -> None:
    whole = tensors(batch_at(data, RECIPE.model_copy(update={"accumulation": 1}), 5, 0, 0, 1))
    parts = [tensors(batch_at(data, RECIPE, 5, micro, 0, 1)) for micro in range(2)]
    assert all(torch.equal(torch.cat([first, second]), all_) for first, second, all_ in zip(*parts, whole, strict=True))


def test_a_step_is_the_same_whenever_it_is_asked_for(data: Dataset) -> None:
    first = tensors(batch_at(data, RECIPE, 7, 0, 0, 1))
    batch_at(data, RECIPE, 2, 0, 0, 1)
    assert all(torch.equal(a, b) for a, b in zip(first, tensors(batch_at(data, RECIPE, 7, 0, 0, 1)), strict=True))


@pytest.mark.parametrize("changed", [{"seed": 1}, {"step": 8}])
def test_another_seed_or_step_sees_others(data: Dataset, changed: dict[str, int]) -> None:
    other = RECIPE.model_copy(update={"seed": changed.get("seed", 0)})
    first, second = batch_at(data, RECIPE, 7, 0, 0, 1), batch_at(data, other, changed.get("step", 7), 0, 0, 1)
    assert first.pairs is not None
    assert second.pairs is not None
    assert not torch.equal(first.pairs.item_ids, second.pairs.item_ids)


@pytest.mark.parametrize(("field", "world"), [("batch", 3), ("side_batch", 8)])
def test_ranks_that_could_not_have_equal_parts_are_refused_with_the_field_named(
    data: Dataset, field: str, world: int
) -> None:
    with pytest.raises(Misconfigured, match=f"recipe.{field} = "):
        batch_at(data, RECIPE, 0, 0, 0, world)


@given(size=st.integers(1, 30), start=st.integers(0, 200), count=st.integers(1, 100))
def test_places_go_round_all_examples_before_one_comes_again(size: int, start: int, count: int) -> None:
    whole = endless(0, "triples", "triples", size, 0, start + count)
    np.testing.assert_array_equal(endless(0, "triples", "triples", size, start, count), whole[start:])
    for turn in range((start + count) // size):
        assert sorted(whole[turn * size : (turn + 1) * size]) == list(range(size))


@given(fresh=st.integers(1, 10_000), replayed=st.integers(1, 10_000), replay=st.floats(0, 1))
def test_new_examples_are_seen_more_often_than_by_chance_and_leave_room_for_older_ones(
    fresh: int, replayed: int, replay: float
) -> None:
    share = fresh_share(fresh, replayed, replay)
    assert share <= 1 - replay
    assert share >= min(1 - replay, fresh / (fresh + replayed))


@pytest.mark.parametrize(("fresh", "replayed", "share"), [(5, 0, 1.0), (0, 5, 0.0)])
def test_a_batch_is_full_where_there_is_only_one_sort(fresh: int, replayed: int, share: float) -> None:
    assert fresh_share(fresh, replayed, 0.25) == share


def test_every_batch_has_its_share_of_older_examples(data: Dataset) -> None:
    recipe = RECIPE.model_copy(update={"replay": 0.5})
    old = [data.columns["pairs.replay"][places_of(data, recipe, "pairs", step)].sum() for step in range(5)]
    assert old == [8] * 5


def test_every_text_with_a_class_meets_another_of_its_class(data: Dataset) -> None:
    places = places_of(data, RECIPE, "classed", 3)
    anchors, partners = places[::2], places[1::2]
    classes = data.columns["classed.class"]
    np.testing.assert_array_equal(classes[anchors], classes[partners])
    assert not (anchors == partners).any()


def test_a_text_that_is_alone_in_its_class_meets_itself(tmp_path: Path) -> None:
    places = places_of(dataset(tmp_path / "set", classed=1), RECIPE, "classed", 0)
    assert set(places) == {0}


def test_a_picture_that_nothing_happens_to_is_itself() -> None:
    squares = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), dtype=np.uint8)
    seen = augmented(
        squares, np.random.default_rng(1).random((4, NUMBERS)), Augmentation(shift=0, brightness=0, contrast=0)
    )
    np.testing.assert_allclose((seen.transpose(0, 2, 3, 1) + 1) * 127.5, squares, atol=1e-3)


def test_what_happens_to_a_picture_depends_on_its_own_numbers_alone() -> None:
    squares = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), dtype=np.uint8)
    draws = np.random.default_rng(1).random((4, NUMBERS))
    how = Augmentation(flip=True)
    alone = np.concatenate([augmented(squares[i : i + 1], draws[i : i + 1], how) for i in range(4)])
    np.testing.assert_array_equal(augmented(squares, draws, how), alone)


def test_a_mirrored_picture_is_mirrored() -> None:
    squares = np.random.default_rng(0).integers(0, 256, (1, 16, 16, 3), dtype=np.uint8)
    plain = Augmentation(shift=0, brightness=0, contrast=0)
    draws = np.zeros((1, NUMBERS))
    mirrored = augmented(squares, draws, plain.model_copy(update={"flip": True}))
    np.testing.assert_array_equal(mirrored[..., ::-1], augmented(squares, draws, plain))
