import numpy as np
import pytest
from numpy.typing import NDArray

from models.heads.calibration import fit_calibrated
from models.heads.config import HeadConfig
from models.heads.linear import Head, fit_head, pool_moments
from tests.unit.models.heads.test_linear import clouds

CONFIG = HeadConfig()


def points(spread: float, each: int = 40, seed: int = 0) -> tuple[NDArray[np.float32], list[str]]:
    return clouds({"bill": each, "card": each}, seed=seed, spread=spread)


def calibrated(vectors: NDArray[np.float32], labels: list[str], **others: object) -> Head:
    folds = np.arange(len(labels)) % 5
    trust = np.ones(len(labels))
    return fit_calibrated(vectors, labels, trust, folds, HeadConfig.model_validate(others))


def test_but_for_its_temperature_it_is_the_head_of_all_labels() -> None:
    vectors, labels = points(1.5)
    plain = fit_head(vectors, labels, np.ones(len(labels)), *pool_moments(vectors), config=CONFIG)
    np.testing.assert_array_equal(calibrated(vectors, labels).weights, plain.weights)


def test_a_head_that_fits_noise_is_made_less_sure() -> None:
    """As many numbers as labels: every label is fitted, and what it has not seen is another matter."""
    numbers = np.random.default_rng(0)
    vectors = numbers.normal(size=(60, 60)).astype(np.float32)
    labels = numbers.choice(["bill", "card"], 60).tolist()
    head = calibrated(vectors, labels, inverse_penalty=1e4)
    assert head.temperature > 5
    assert head.probabilities(vectors).max(axis=1).mean() > 0.99


def test_a_head_that_is_right_stays_sure() -> None:
    vectors, labels = points(0.3)
    assert calibrated(vectors, labels).temperature <= 1


def test_the_temperature_surprises_new_items_less_than_none() -> None:
    vectors, labels = points(2.5, each=15)
    unseen, truth = points(2.5, each=400, seed=9)
    head = calibrated(vectors, labels, inverse_penalty=1e3)
    column = np.array([head.classes.index(label) for label in truth])
    rows = np.arange(len(truth))
    tempered, plain = (head.probabilities(unseen, temperature=each)[rows, column] for each in (True, False))
    assert -np.log(tempered).mean() <= -np.log(plain).mean()


def test_too_few_labels_leave_the_probabilities_as_they_are() -> None:
    vectors, labels = points(2.5, each=3)
    assert calibrated(vectors, labels, temperature_items=7).temperature == 1.0


@pytest.mark.parametrize("folds", [np.zeros(80, dtype=np.intp), np.arange(80)])
def test_folds_of_all_or_of_one_label_are_no_obstacle(folds: NDArray[np.intp]) -> None:
    vectors, labels = points(1.0)
    assert fit_calibrated(vectors, labels, np.ones(80), folds, CONFIG).temperature > 0


def test_a_class_that_only_one_fold_has_counts_for_nothing_there() -> None:
    vectors, labels = clouds({"bill": 20, "card": 20, "loan": 2})
    folds = np.concatenate([np.arange(40) % 4, [4, 4]])
    head = fit_calibrated(vectors, labels, np.ones(42), folds, CONFIG)
    assert head.classes == ("bill", "card", "loan")


def test_a_label_that_is_trusted_less_counts_less_for_the_temperature() -> None:
    vectors, labels = points(0.3)
    wrong = [("card" if label == "bill" else "bill") if place % 4 == 0 else label for place, label in enumerate(labels)]
    folds = np.arange(80) % 5
    trust = np.where(np.arange(80) % 4 == 0, 1e-6, 1.0)
    believed = fit_calibrated(vectors, wrong, np.ones(80), folds, CONFIG)
    doubted = fit_calibrated(vectors, wrong, trust, folds, CONFIG)
    assert doubted.temperature < believed.temperature
