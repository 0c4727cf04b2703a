import pytest

from consumers.scoring.learning.trial import Guess, Trial
from models.neighbours.propagation import Gate

CLASSES = ("east", "north")


def trial(*guesses: tuple[str, str, str]) -> Trial:
    return Trial((), [], [Guess(f"item-{n}", *guess) for n, guess in enumerate(guesses)])


def test_a_mixture_that_was_right_where_the_head_was_wrong_opens_the_gate() -> None:
    gate = trial(("east", "north", "east"), ("north", "north", "north")).verdict(Gate(-0.1), CLASSES, ["east", "north"])
    assert gate.opened


def test_a_mixture_that_was_wrong_where_the_head_was_right_closes_it() -> None:
    gate = trial(("east", "east", "north")).verdict(Gate(), CLASSES, ["east"] * 4)
    assert (gate.opened, gate.score) == (False, pytest.approx(-0.25))


def test_a_class_that_neither_knew_says_nothing() -> None:
    assert trial(("up", "east", "north")).verdict(Gate(0.4), CLASSES, ["up"]).score == pytest.approx(0.2)


def test_without_guesses_the_gate_stays() -> None:
    assert trial().verdict(Gate(-0.3), CLASSES, []) == Gate(-0.3)


def test_accuracy_is_the_heads_share_of_right_guesses() -> None:
    assert trial(("east", "east", "north"), ("north", "east", "north")).accuracy() == 0.5
    assert trial().accuracy() is None
