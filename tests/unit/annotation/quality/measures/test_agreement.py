import random

import pytest
from sklearn.metrics import cohen_kappa_score

from annotation.quality.measures.agreement import agreeing_pairs, cohen_kappa, fleiss_kappa, krippendorff_alpha

FLEISS_TABLE = (
    (0, 0, 0, 0, 14),
    (0, 2, 6, 4, 2),
    (0, 0, 3, 5, 6),
    (0, 3, 9, 2, 0),
    (2, 2, 8, 1, 1),
    (7, 7, 0, 0, 0),
    (3, 2, 6, 3, 0),
    (2, 5, 3, 2, 2),
    (6, 5, 2, 1, 0),
    (0, 2, 2, 3, 7),
)
"""Fourteen raters, ten subjects, five classes: the example of the encyclopaedias; kappa is 0.210."""


def test_kappa_of_the_textbook_proposals() -> None:
    """Fifty proposals, two readers: 20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no; kappa is 0.4."""
    first = ["yes"] * 25 + ["no"] * 25
    second = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    assert cohen_kappa(first, second) == pytest.approx(0.4)


@pytest.mark.parametrize("seed", range(5))
def test_kappa_is_that_of_scikit_learn(seed: int) -> None:
    numbers = random.Random(seed)
    first = [numbers.choice("abc") for _ in range(60)]
    second = [one if numbers.random() < 0.6 else numbers.choice("abcd") for one in first]
    assert cohen_kappa(first, second) == pytest.approx(cohen_kappa_score(first, second))


def test_kappa_of_two_who_always_said_the_same_one_thing_is_not_defined() -> None:
    assert cohen_kappa(["a", "a"], ["a", "a"]) is None


def test_kappa_of_nothing_is_not_defined() -> None:
    assert cohen_kappa([], []) is None


def test_kappa_wants_the_same_items() -> None:
    with pytest.raises(ValueError, match="same items"):
        cohen_kappa(["a"], [])


def test_kappa_of_the_published_table_of_fourteen_raters() -> None:
    table = [dict(enumerate(row)) for row in FLEISS_TABLE]
    assert fleiss_kappa(table) == pytest.approx(0.2099, abs=5e-5)


def test_fleiss_wants_the_same_number_of_answers_everywhere() -> None:
    with pytest.raises(ValueError, match="same number"):
        fleiss_kappa([{"a": 2}, {"a": 3}])


def test_one_rater_alone_has_no_kappa() -> None:
    assert fleiss_kappa([{"a": 1}, {"b": 1}]) is None


def test_alpha_of_the_published_reliability_data() -> None:
    """Four observers, twelve units, some answers missing, from his paper of 2011; alpha is 0.743."""
    observers = (
        (1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None),
        (1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3),
        (None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None),
        (1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None),
    )
    units = [[answer for answer in unit if answer is not None] for unit in zip(*observers, strict=True)]
    assert krippendorff_alpha(units) == pytest.approx(0.743, abs=5e-4)


def test_alpha_of_single_answers_is_not_defined() -> None:
    assert krippendorff_alpha([["a"], ["b"]]) is None


def test_alpha_of_complete_agreement_is_one() -> None:
    assert krippendorff_alpha([["a", "a"], ["b", "b", "b"]]) == 1


def test_agreeing_pairs_are_counted_among_all_pairs() -> None:
    assert agreeing_pairs(["a", "a", "b"]) == pytest.approx(1 / 3)
    assert agreeing_pairs(["a"]) is None
