import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from models.heads.config import HeadConfig
from models.heads.linear import Head, fit_ensemble, fit_head, fit_temperature, pool_moments
from models.heads.saving import heads_from_bytes, heads_to_bytes
from streams.errors import BadRecord

CENTRES = {"bill": (2.0, 0.0), "card": (-2.0, 0.0), "loan": (0.0, 2.0)}


def clouds(sizes: dict[str, int], seed: int = 0, spread: float = 0.7) -> tuple[NDArray[np.float32], list[str]]:
    numbers = np.random.default_rng(seed)
    points = [numbers.normal(CENTRES[name], spread, (size, 2)) for name, size in sizes.items()]
    labels = [name for name, size in sizes.items() for _ in range(size)]
    return np.concatenate(points).astype(np.float32), labels


def fitted(sizes: dict[str, int], seed: int = 0, start: Head | None = None, weights: object = None) -> Head:
    vectors, labels = clouds(sizes, seed)
    trust = None if weights is None else np.asarray(weights, dtype=np.float64)
    return fit_head(vectors, labels, trust, np.zeros(2), 1.0, start)


def told(head: Head, vectors: NDArray[np.float32]) -> list[str]:
    return [head.classes[place] for place in head.probabilities(vectors).argmax(axis=1)]


def test_the_coefficients_are_those_of_scikit_learn() -> None:
    vectors, labels = clouds({"bill": 30, "card": 6, "loan": 12})
    ours = fit_head(vectors.astype(np.float64), labels, None, np.zeros(2), 1.0, config=HeadConfig(max_steps=500))
    theirs = LogisticRegression(C=10, class_weight="balanced", max_iter=500).fit(vectors, labels)
    np.testing.assert_allclose(ours.probabilities(vectors), theirs.predict_proba(vectors), atol=2e-3)


def test_a_head_tells_the_classes_apart() -> None:
    vectors, labels = clouds({"bill": 40, "card": 40, "loan": 40}, seed=1)
    assert np.mean(np.array(told(fitted({"bill": 20, "card": 20, "loan": 20}), vectors)) == labels) > 0.9


def test_a_head_knows_the_classes_among_its_labels_only() -> None:
    assert fitted({"loan": 3, "bill": 3}).classes == ("bill", "loan")


def test_one_class_alone_is_predicted_for_everything() -> None:
    head = fitted({"bill": 4})
    np.testing.assert_array_equal(head.probabilities(np.ones((5, 2), np.float32)), np.ones((5, 1)))


def test_a_single_label_is_enough_for_a_head() -> None:
    assert fitted({"bill": 1}).classes == ("bill",)


def test_a_rare_class_counts_as_much_as_a_common_one() -> None:
    vectors = np.array([[0.0], [0.0], [0.0], [0.0]], np.float32)
    head = fit_head(vectors, ["bill", "bill", "bill", "card"], None, np.zeros(1), 1.0)
    np.testing.assert_allclose(head.probabilities(vectors[:1]), [[0.5, 0.5]], atol=1e-4)


def test_a_label_that_nobody_trusts_is_left_out() -> None:
    assert fitted({"bill": 3, "card": 1}, weights=[1, 1, 1, 0]).classes == ("bill",)


def test_a_label_trusted_twice_weighs_as_two() -> None:
    vectors, labels = clouds({"bill": 5, "card": 5})
    once = fit_head(np.repeat(vectors, 2, axis=0), [name for name in labels for _ in range(2)], None, np.zeros(2), 1.0)
    twice = fit_head(vectors, labels, np.full(10, 2.0), np.zeros(2), 1.0, config=HeadConfig(inverse_penalty=20))
    np.testing.assert_allclose(twice.weights, once.weights, atol=1e-2)


def test_a_new_class_joins_a_head_that_goes_on_from_where_it_stood() -> None:
    before = fitted({"bill": 20, "card": 20})
    after = fitted({"bill": 20, "card": 20, "loan": 20}, start=before)
    assert (before.classes, after.classes) == (("bill", "card"), ("bill", "card", "loan"))
    assert told(after, np.array([[0, 2]], np.float32)) == ["loan"]


def test_a_warm_start_ends_where_a_cold_one_does() -> None:
    sizes = {"bill": 20, "card": 20, "loan": 20}
    points = np.array([[1, 0], [0, 1], [-1, 0]], np.float32)
    warm = fitted(sizes, start=fitted({"bill": 5, "loan": 5}, seed=9))
    np.testing.assert_allclose(warm.probabilities(points), fitted(sizes).probabilities(points), atol=5e-3)


def test_a_refit_keeps_the_temperature_it_started_from() -> None:
    start = Head(("bill",), np.zeros((1, 2)), np.zeros(1), np.zeros(2), 1.0, temperature=0.4)
    assert fitted({"bill": 3, "card": 3}, start=start).temperature == 0.4


def test_new_items_are_shifted_and_scaled_as_the_pool_was() -> None:
    vectors, labels = clouds({"bill": 10, "card": 10})
    moved = vectors * 50 + 7
    head = fit_head(moved, labels, None, *pool_moments(moved))
    plain = fit_head(vectors, labels, None, *pool_moments(vectors))
    np.testing.assert_allclose(head.probabilities(moved), plain.probabilities(vectors), atol=1e-3)


def test_the_moments_give_a_pool_of_mean_zero_and_mean_squared_length_one() -> None:
    vectors, _ = clouds({"bill": 50, "card": 50})
    mean, scale = pool_moments(vectors)
    assert (((vectors - mean) / scale) ** 2).sum(axis=1).mean() == pytest.approx(1, abs=1e-4)


def test_a_pool_of_one_repeated_vector_has_a_scale_one_can_divide_by() -> None:
    assert pool_moments(np.ones((4, 3), np.float32))[1] == 1.0


def test_numbers_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        fit_head(np.array([[np.nan, 1]]), ["bill"], None, np.zeros(2), 1.0)


def test_probabilities_of_a_vector_with_infinity_are_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        fitted({"bill": 3, "card": 3}).probabilities(np.array([[np.inf, 0]]))


def test_labels_that_do_not_belong_to_the_vectors_are_refused() -> None:
    with pytest.raises(ValueError, match="do not belong together"):
        fit_head(np.zeros((3, 2)), ["bill"], None, np.zeros(2), 1.0)


def test_negative_trust_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        fitted({"bill": 2}, weights=[1, -1])


def test_no_label_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        fit_head(np.zeros((0, 2)), [], None, np.zeros(2), 1.0)


def test_a_head_that_was_too_sure_gets_a_temperature_above_one() -> None:
    vectors, labels = clouds({"bill": 200, "card": 200}, spread=2.0)
    head = Head(("bill", "card"), np.array([[5.0, 0], [-5.0, 0]]), np.zeros(2), np.zeros(2), 1.0)
    assert fit_temperature(head, vectors, labels).temperature > 1.5


def test_fewer_than_five_labels_of_known_classes_leave_the_temperature() -> None:
    head = fitted({"bill": 3, "card": 3})
    vectors, labels = clouds({"bill": 4, "loan": 9})
    assert fit_temperature(head, vectors, labels) is head


def test_the_temperature_changes_probabilities_only_when_asked() -> None:
    head = Head(("bill", "card"), np.array([[1.0], [-1.0]]), np.zeros(2), np.zeros(1), 1.0, temperature=4.0)
    point = np.ones((1, 1))
    assert head.probabilities(point)[0, 0] > head.probabilities(point, temperature=True)[0, 0]


def test_all_heads_of_an_ensemble_know_the_same_classes() -> None:
    vectors, labels = clouds({"bill": 30, "card": 1, "loan": 1})
    heads = [head for seed in range(10) for head in fit_ensemble(vectors, labels, None, np.zeros(2), 1.0, seed=seed)]
    assert {head.classes for head in heads} == {("bill", "card", "loan")}


def test_an_ensemble_is_the_same_for_the_same_seed_and_differs_within() -> None:
    vectors, labels = clouds({"bill": 10, "card": 10})
    one, two = (fit_ensemble(vectors, labels, None, np.zeros(2), 1.0, seed=3) for _ in range(2))
    assert heads_to_bytes(one) == heads_to_bytes(two)
    assert not np.allclose(one[0].weights, one[1].weights)


def test_heads_come_back_from_bytes_as_they_were() -> None:
    vectors, labels = clouds({"bill": 10, "card": 10})
    heads = fit_ensemble(vectors, labels, None, np.ones(2), 2.0)
    [first, *_] = heads_from_bytes(heads_to_bytes(heads))
    assert (first.classes, first.scale, first.temperature) == (("bill", "card"), 2.0, 1.0)
    np.testing.assert_array_equal(first.logits(vectors), heads[0].logits(vectors))


@pytest.mark.parametrize("content", [b"", b"\x05\0\0\0\0\0\0\0{}", b"pickle", heads_to_bytes([])[:-3]])
def test_bytes_that_are_no_heads_are_a_bad_record(content: bytes) -> None:
    with pytest.raises(BadRecord, match="head_unreadable"):
        heads_from_bytes(content)


def test_a_damaged_head_is_a_bad_record() -> None:
    with pytest.raises(BadRecord, match="head_unreadable"):
        heads_from_bytes(heads_to_bytes([fitted({"bill": 3, "card": 3})]).replace(b'\\"bill\\", ', b""))
