"""Models measured item by item."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.heads.bundle import HeadBundle, HeadName
from schemas.items import Modality
from tests.unit.trainers.evaluation.world import BROKEN, THINGS, SkilledEncoder, snapshot, store
from trainers.evaluation.measures.latency import Load, encoding_times, load_of
from trainers.evaluation.measures.measuring import measure, measure_head
from trainers.gate.config import GateConfig
from trainers.gate.judging import judge
from trainers.learning.heads.fitting import fit_heads
from trainers.learning.heads.vectors import ItemVectors, TextMemory
from trainers.recipes.head import HeadRecipe
from trainers.snapshots.manifest import Manifest
from trainers.snapshots.rows import Split

CONFIG = GateConfig(batch_images=16)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("evaluated")


def mean(version: str, skill: float, name: str, folder: Path) -> float:
    media = store(folder)
    found = measure(SkilledEncoder(skill, version), snapshot(media), media, CONFIG).measure(name)
    assert found is not None
    return float(found.values.mean())


@pytest.mark.parametrize(
    "name", ["reciprocal_rank", "recall_at_1", "recall_at_10", "average_precision", "class_score", "accuracy"]
)
def test_a_model_that_sees_better_measures_higher(name: str, folder: Path) -> None:
    assert mean("candidate", 0.8, name, folder) > mean("live", 0.1, name, folder)


def test_a_model_that_sees_better_is_less_surprised(folder: Path) -> None:
    assert mean("candidate", 0.8, "log_loss", folder) < mean("live", 0.1, "log_loss", folder)


def test_a_model_that_sees_better_passes_the_gate(folder: Path) -> None:
    media = store(folder)
    candidate = measure(SkilledEncoder(0.8, "new"), snapshot(media), media, CONFIG)
    live = measure(SkilledEncoder(0.1, "live"), snapshot(media), media, CONFIG)
    assert judge(candidate, live, CONFIG).passed


def test_every_value_knows_its_item_and_slices(folder: Path) -> None:
    media = store(folder)
    ranks = measure(SkilledEncoder(0.5), snapshot(media), media, CONFIG).measure("reciprocal_rank")
    assert ranks is not None
    captions = [unit for unit in ranks.units if unit.task == "captions"]
    assert len(captions) == 60
    assert captions[0][:3] == ("default", "item-0000", 0)
    assert set(captions[0].slices) == {"modality=image", "task=captions", "language=en", "source=museum"}


def test_an_unreadable_picture_is_left_out_and_spoils_no_other(folder: Path) -> None:
    media = store(folder)
    whole = measure(SkilledEncoder(0.5), snapshot(media), media, CONFIG).measure("accuracy")
    torn = measure(SkilledEncoder(0.5), snapshot(media, broken=True), media, CONFIG).measure("accuracy")
    assert whole is not None
    assert torn is not None
    assert whole.units == torn.units


def test_a_picture_that_is_gone_is_left_out(tmp_path: Path) -> None:
    media = store(tmp_path)
    manifest = snapshot(media, evaluation=20)
    ref = manifest.of_split(Split.EVALUATION)[0].media
    assert ref is not None
    media.delete(ref)
    found = measure(SkilledEncoder(0.5), manifest, media, CONFIG).measure("accuracy")
    assert found is not None
    assert len(found.units) == 19


def test_pictures_are_held_a_few_at_a_time(folder: Path) -> None:
    media, encoder = store(folder), SkilledEncoder(0.5)
    measure(encoder, snapshot(media), media, CONFIG)
    assert encoder.largest_batch == CONFIG.batch_images


def test_texts_of_a_tower_that_both_share_are_encoded_once(folder: Path) -> None:
    media, memory = store(folder), TextMemory()
    manifest, candidate = snapshot(media), SkilledEncoder(0.9, "candidate")
    measure(SkilledEncoder(0.5), manifest, media, CONFIG, memory)
    measure(candidate, manifest, media, CONFIG, memory)
    assert candidate.texts_encoded == 2  # the two sentences by which towers are told apart


def test_near_duplicates_on_the_evaluation_side_count_once(folder: Path) -> None:
    media = store(folder)
    manifest = snapshot(media)
    doubled = Manifest.of("default", "live", [THINGS], [replace(row, group=row.group // 2) for row in manifest.rows])
    assert measure(SkilledEncoder(0.5), doubled, media, CONFIG).items == 30


def test_of_a_large_evaluation_side_a_fixed_sample_is_measured(folder: Path) -> None:
    media = store(folder)
    few = GateConfig(max_items=40)
    found = [measure(SkilledEncoder(skill), snapshot(media), media, few) for skill in (0.2, 0.9)]
    assert [one.items for one in found] == [40, 40]
    assert found[0].measures[0].units == found[1].measures[0].units


def test_texts_are_measured_by_their_classes_alone(folder: Path) -> None:
    media = store(folder)
    rows = [replace(row, modality=Modality.TEXT, media=None) for row in snapshot(media).rows]
    found = measure(SkilledEncoder(0.5), Manifest.of("default", "live", [THINGS], rows), media, CONFIG)
    accuracy = found.measure("accuracy")
    assert accuracy is not None
    assert accuracy.values.mean() == 1.0
    assert found.measure("reciprocal_rank") is None


def test_an_empty_evaluation_side_measures_nothing(folder: Path) -> None:
    media = store(folder)
    found = measure(SkilledEncoder(0.5), Manifest.of("default", "live", [THINGS], []), media, CONFIG)
    assert (found.measures, found.items) == ((), 0)


def test_a_head_that_saw_labels_is_better_than_one_that_saw_none(folder: Path) -> None:
    media, encoder = store(folder), SkilledEncoder(0.8)
    manifest = snapshot(media)
    vectors = ItemVectors(encoder, media, CONFIG.batch_images, TextMemory())
    heads = fit_heads(manifest, HeadRecipe(), encoder, media)
    candidate = measure_head("head-2", heads, vectors, manifest, CONFIG)
    live = measure_head("head-1", None, vectors, manifest, CONFIG)
    verdict = judge(candidate, live, CONFIG)
    assert verdict.passed
    assert "score of the class probabilities" in verdict.reasons[0]


def test_the_very_head_is_measured_and_none_that_is_fitted_anew(folder: Path) -> None:
    media, encoder = store(folder), SkilledEncoder(0.8)
    manifest, about = snapshot(media), HeadName("default", THINGS.name)
    heads = fit_heads(manifest, HeadRecipe(), encoder, media)
    wrong = replace(heads.heads[about], classes=heads.heads[about].classes[::-1])
    vectors = ItemVectors(encoder, media, CONFIG.batch_images, TextMemory())
    right, upside_down, unsure = (
        measure_head("head", HeadBundle(encoder.version, {about: one}), vectors, manifest, CONFIG).measure(name)
        for one, name in (
            (heads.heads[about], "accuracy"),
            (wrong, "accuracy"),
            (replace(heads.heads[about], temperature=1e6), "class_score"),
        )
    )
    assert right is not None
    assert upside_down is not None
    assert unsure is not None
    assert upside_down.values.mean() < 0.2 < 0.8 < right.values.mean()
    np.testing.assert_allclose(unsure.values, 1 - 0.5 * (1 - 1 / 4), atol=1e-3)  # as one that knows nothing


def test_a_task_that_a_bundle_does_not_have_is_one_that_it_knows_nothing_of(folder: Path) -> None:
    media, encoder = store(folder), SkilledEncoder(0.8)
    vectors = ItemVectors(encoder, media, CONFIG.batch_images, TextMemory())
    empty = HeadBundle(encoder.version, {})
    found, none = (
        measure_head("head", one, vectors, snapshot(media), CONFIG).measure("class_score") for one in (empty, None)
    )
    assert found is not None
    assert none is not None
    np.testing.assert_array_equal(found.values, none.values)


def test_encoding_is_timed_candidate_live_live_candidate(folder: Path) -> None:
    ticks = iter(np.cumsum([0, 4, 0, 1, 0, 1, 0, 4] * 2).tolist())  # each part of a round begins and ends
    load = Load(("one text",), (b"one picture",))
    found = encoding_times(SkilledEncoder(0.5), SkilledEncoder(0.5), load, 2, lambda: next(ticks))
    assert found is not None
    assert [times.tolist() for times in found] == [[2000.0, 2000.0], [500.0, 500.0]]


def test_a_broken_picture_is_not_timed(folder: Path) -> None:
    media = store(folder)
    load = load_of(snapshot(media, evaluation=5, broken=True), media, CONFIG)
    assert encoding_times(SkilledEncoder(0.5), SkilledEncoder(0.5), load, 2) is not None


def test_without_anything_to_encode_nothing_is_timed() -> None:
    assert encoding_times(SkilledEncoder(0.5), SkilledEncoder(0.5), Load((), (BROKEN,)), 2) is None
