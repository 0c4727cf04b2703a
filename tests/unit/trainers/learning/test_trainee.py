from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from models.encoders.config import EncoderConfig
from models.encoders.image_tower import ImageTower
from models.encoders.released import IMAGE_TOWER
from streams.errors import BadRecord
from tests.unit.trainers.learning.lessons import DIM, dataset
from trainers.learning.batches.batching import batch_at
from trainers.learning.batches.shapes import Features, mapped
from trainers.learning.data.dataset import ARRAYS, FACTS, PARENT, Dataset, open_dataset
from trainers.learning.lesson import RECIPE, lesson_of
from trainers.learning.objective import loss
from trainers.learning.trainee import Trainee, build, export
from trainers.recipes.recipe import Objective, Recipe, Start, Temperature

LEARNABLE = Recipe(
    batch=16,
    side_batch=8,
    objective=Objective(supervised=0.5, hard_negatives=0.5),
    temperature=Temperature(learnable=True),
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return dataset(tmp_path_factory.mktemp("data") / "set", classed=20, triples=6)


def gradients(trainee: Trainee, total: Tensor) -> dict[str, Tensor]:
    names, weights = zip(*trainee.named_parameters(), strict=True)
    return dict(zip(names, torch.autograd.grad(total, weights, retain_graph=True), strict=True))


def seen_by_rank(rank: int, features: list[Features]) -> Features:
    """What gathering gives a rank: its own with a way back that multiplies by the number of ranks, others without."""
    world = len(features)
    own = mapped(features[rank], lambda each: _scaled(each, world) if each.requires_grad else each)
    others = [own if other == rank else mapped(features[other], lambda each: each.detach()) for other in range(world)]
    rows = iter(zip(*(_tensors(each) for each in others), strict=True))
    return mapped(own, lambda _: torch.cat(next(rows)))


def _scaled(each: Tensor, world: int) -> Tensor:
    return each.detach() + (each - each.detach()) * world


def _tensors(features: Features) -> list[Tensor]:
    found: list[Tensor] = []
    mapped(features, lambda each: found.append(each) or each)  # type: ignore[func-returns-value]
    return found


@pytest.mark.parametrize("world", [2, 4])
def test_loss_and_gradients_over_gathered_ranks_are_those_of_one_process(data: Dataset, world: int) -> None:
    trainee = build(LEARNABLE, data)
    alone = loss(trainee(batch_at(data, LEARNABLE, 0, 0, 0, 1)), LEARNABLE)
    expected = gradients(trainee, alone)
    summed: dict[str, Tensor] = {}
    features = [trainee(batch_at(data, LEARNABLE, 0, 0, rank, world)) for rank in range(world)]
    for rank in range(world):
        total = loss(seen_by_rank(rank, features), LEARNABLE)
        torch.testing.assert_close(total, alone)
        for name, gradient in gradients(trainee, total).items():
            summed[name] = summed.get(name, torch.zeros_like(gradient)) + gradient / world
    for name, gradient in expected.items():
        torch.testing.assert_close(summed[name], gradient, atol=1e-5, rtol=1e-4)


def test_the_temperature_is_a_parameter_of_one_row_only_where_it_learns(data: Dataset) -> None:
    assert dict(build(LEARNABLE, data).named_parameters())["log_scale"].shape == (1,)
    assert "log_scale" not in dict(build(Recipe(), data).named_parameters())


def test_the_scale_never_leaves_its_bounds(data: Dataset) -> None:
    trainee = build(LEARNABLE, data)
    with torch.no_grad():
        trainee.log_scale.fill_(50.0)
    assert trainee(batch_at(data, LEARNABLE, 0, 0, 0, 1)).scale.item() == 100


def test_features_are_single_precision_whatever_the_towers_compute_in(data: Dataset) -> None:
    batch = batch_at(data, LEARNABLE, 0, 0, 0, 1)
    single, half = build(LEARNABLE, data)(batch), build(LEARNABLE, data).bfloat16()(batch)
    assert {each.dtype for each in _tensors(half) if each.is_floating_point()} == {torch.float32}
    torch.testing.assert_close(half.pairs.images, single.pairs.images, atol=0.05, rtol=0)


def test_a_run_starts_from_the_parent_and_every_rank_from_the_same(data: Dataset) -> None:
    parent = ImageTower.load(data.folder / PARENT / IMAGE_TOWER, DIM, EncoderConfig())
    for _ in range(2):
        live = build(Recipe(), data).picture_tower.state_dict()
        assert all(torch.equal(live[name], weights) for name, weights in parent.weights.items())


def test_a_run_that_starts_anew_forgets_the_parent_and_obeys_the_seed(data: Dataset) -> None:
    first, again, other = (
        build(Recipe(start=Start.SEED, seed=seed), data).picture_tower.stem[0].weight for seed in (5, 5, 6)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_only_what_learns_is_a_parameter(data: Dataset) -> None:
    names = {name.split(".")[0] for name, _ in build(Recipe(), data).named_parameters()}
    assert names == {"pictures"}


def test_exported_weights_are_the_live_ones_bit_for_bit(data: Dataset, tmp_path: Path) -> None:
    trainee = step(build(LEARNABLE, data), data)
    [path] = export(trainee, tmp_path)
    tower = ImageTower.load(path, DIM, EncoderConfig())
    live = trainee.picture_tower.state_dict()
    assert tower.trained
    assert tower.side_px == data.facts.side_px
    assert all(torch.equal(live[name], weights) for name, weights in tower.weights.items())


def test_given_weights_are_exported_instead_of_the_live_ones(data: Dataset, tmp_path: Path) -> None:
    trainee = build(LEARNABLE, data)
    weights = {name: each.detach() + 1 for name, each in trainee.named_parameters()}
    [path] = export(trainee, tmp_path, weights)
    exported = ImageTower.load(path, DIM, EncoderConfig()).weights
    assert all(torch.equal(exported[name], weights[f"pictures.{name}"]) for name in exported)
    assert len(exported) == len(weights) - 1


def test_equal_recipes_and_data_give_equal_weights(data: Dataset) -> None:
    first, second = (step(build(LEARNABLE, data), data).state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def step(trainee: Trainee, data: Dataset) -> Trainee:
    optimizer = torch.optim.AdamW(trainee.parameters(), lr=1e-3)
    for number in range(2):
        loss(trainee(batch_at(data, LEARNABLE, number, 0, 0, 1)), LEARNABLE).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()
    return trainee


class OneRank:
    rank, size, device = 0, 1, torch.device("cpu")


def test_a_lesson_is_named_by_its_recipe_and_its_data(tmp_path: Path) -> None:
    names = set()
    for number, (recipe, fresh) in enumerate([(Recipe(), 30), (Recipe(seed=1), 30), (Recipe(), 20), (Recipe(), 30)]):
        folder = tmp_path / str(number)
        dataset(folder, fresh=fresh)
        (folder / RECIPE).write_text(recipe.model_dump_json())
        names.add(lesson_of(folder).sha256)
    assert len(names) == 3


def test_a_lesson_without_a_recipe_is_refused_by_name(tmp_path: Path) -> None:
    dataset(tmp_path / "set")
    with pytest.raises(BadRecord, match=RECIPE):
        lesson_of(tmp_path / "set")


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("name", [ARRAYS, f"{PARENT}/{IMAGE_TOWER}"])
@pytest.mark.parametrize(
    "damage", [flipped, Path.unlink, lambda path: path.write_bytes(b"")], ids=["bit", "gone", "empty"]
)
def test_a_damaged_file_is_refused_by_name_before_it_is_opened(
    tmp_path: Path, name: str, damage: Callable[[Path], object]
) -> None:
    folder = dataset(tmp_path / "set").folder
    damage(folder / name)
    with pytest.raises(BadRecord, match=name):
        open_dataset(folder)


def test_a_damaged_page_of_facts_is_refused_by_name(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "set").folder
    (folder / FACTS).write_text("{}")
    with pytest.raises(BadRecord, match=FACTS):
        open_dataset(folder)
