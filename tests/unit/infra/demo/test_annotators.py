import pytest

from infra.demo.annotators import Crew, Done, given_label

LABELS = ("cat", "dog", "bird")
ITEMS = [f"item-{number}" for number in range(2_000)]


def errors(rate: float, annotator: int = 0, seed: int = 0) -> set[str]:
    crew = Crew(error_rate=rate, seed=seed)
    return {item for item in ITEMS if given_label(LABELS, "cat", annotator, item, crew) != "cat"}


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 1.0])
def test_the_stated_share_of_answers_is_wrong(rate: float) -> None:
    assert len(errors(rate)) / len(ITEMS) == pytest.approx(rate, abs=0.03)


def test_the_same_answers_are_wrong_every_time() -> None:
    assert errors(0.2) == errors(0.2)


def test_annotators_err_at_different_items() -> None:
    assert errors(0.2, annotator=0) != errors(0.2, annotator=1)


def test_another_seed_errs_elsewhere() -> None:
    assert errors(0.2, seed=0) != errors(0.2, seed=1)


def test_a_wrong_answer_is_one_of_the_labels() -> None:
    crew = Crew(error_rate=1.0)
    assert {given_label(LABELS, "cat", 0, item, crew) for item in ITEMS} == {"dog", "bird"}


def test_what_several_did_adds_up() -> None:
    together = Done(2, 1, 0, {"a": 2}) + Done(3, 0, 1, {"b": 3})
    assert together == Done(5, 1, 1, {"a": 2, "b": 3})
