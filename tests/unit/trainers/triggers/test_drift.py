import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.triggers.drift import Cloud, Use, chance_of_loss, shift, stability_index


def cloud(seed: int, count: int = 400, dim: int = 16, moved: float = 0.0) -> Cloud:
    numbers = np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)
    numbers[:, 0] += moved
    found = Cloud()
    for row in numbers:
        found.add(row)
    return found


def test_samples_of_one_source_are_not_apart_whatever_their_size() -> None:
    apart = [shift(cloud(seed, 50), cloud(seed + 100, 50)) for seed in range(40)]
    assert np.mean(apart) < 0.01


def test_means_that_moved_by_the_spread_are_apart_by_a_sixteenth_in_sixteen_dimensions() -> None:
    assert shift(cloud(0, 4_000), cloud(1, 4_000, moved=1.0)) == pytest.approx(1 / 16, rel=0.1)


def test_clouds_add_up() -> None:
    whole, one, other = Cloud(), Cloud(), Cloud()
    for at, row in enumerate(np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)):
        whole.add(row)
        (one if at % 3 else other).add(row)
    both = one + other
    assert (both.count, both.variance) == (whole.count, pytest.approx(whole.variance))
    assert (Cloud() + whole).variance == (whole + Cloud()).variance == whole.variance


def test_vectors_of_other_lengths_and_single_vectors_say_nothing() -> None:
    assert shift(cloud(0, 10, 4), cloud(0, 10, 8)) == 0.0
    assert shift(cloud(0, 1), cloud(1)) == 0.0
    assert shift(Cloud(), cloud(1)) == 0.0


def counts(seed: int, size: int, weights: list[float]) -> dict[str, int]:
    drawn = np.random.default_rng(seed).multinomial(size, weights)
    return {str(kind): int(count) for kind, count in enumerate(drawn)}


def test_counts_of_one_distribution_have_an_index_of_about_nothing() -> None:
    found = [stability_index(counts(seed, 300, [0.25] * 4), counts(seed + 500, 300, [0.25] * 4)) for seed in range(200)]
    assert np.mean(found) < 0.02
    assert max(found) < 0.2


def test_a_kind_that_is_new_has_a_large_index() -> None:
    assert stability_index({"web": 1_000}, {"web": 500, "scan": 500}) > 0.2


@given(
    st.dictionaries(st.sampled_from("abcde"), st.integers(0, 500)),
    st.dictionaries(st.sampled_from("abcde"), st.integers(0, 500)),
)
def test_an_index_is_never_negative_and_knows_no_direction(one: dict[str, int], other: dict[str, int]) -> None:
    assert stability_index(one, other) == pytest.approx(stability_index(other, one))
    assert stability_index(one, other) >= 0
    assert stability_index(one, one) == 0


def test_a_rate_that_rose_is_no_loss_and_one_that_halved_is_no_accident() -> None:
    assert chance_of_loss(Use(1_000, 300), Use(1_000, 300)) == 1.0
    assert chance_of_loss(Use(1_000, 300), Use(1_000, 350)) == 1.0
    assert chance_of_loss(Use(1_000, 300), Use(1_000, 150)) < 1e-6
    assert chance_of_loss(Use(0, 0), Use(1_000, 150)) == 1.0


def test_by_accident_a_rate_falls_as_seldom_as_is_said() -> None:
    chance = np.random.default_rng(7)
    pairs = chance.binomial(1_000, 0.3, size=(4_000, 2))
    seen = [chance_of_loss(Use(1_000, int(a)), Use(1_000, int(b))) <= 0.01 for a, b in pairs]
    assert np.mean(seen) < 0.02
