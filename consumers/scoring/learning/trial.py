"""How good the head and the mixture were on labels that they had not seen: what temperature and gate are judged by.

A head is refitted after every few labels, too few to judge by. So labels gather in a trial: what the head in force and
the mixture would have said of each is noted when it comes, before anything is refitted, and the head from the beginning
of the trial, which saw none of them, gets its temperature from all of them.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from consumers.scoring.learning.questions import Questions
from models.heads.linear import indices
from models.neighbours.propagation import Gate


@dataclass(frozen=True, slots=True)
class Guess:
    """A new label, and what was thought before it came."""

    item_id: str
    truth: str
    head: str
    mixture: str


@dataclass(slots=True)
class Trial:
    """Labels that `judges` have not seen."""

    judges: Questions
    items: list[str] = field(default_factory=list)
    guesses: list[Guess] = field(default_factory=list)

    def verdict(self, gate: Gate, classes: tuple[str, ...], labels: Iterable[str]) -> Gate:
        """The gate after this trial; `labels` are all there are, these included, so that rare classes have a say."""
        if not self.guesses:
            return gate
        sizes = Counter(labels)
        counts = np.array([max(sizes[name], 1) for name in classes], dtype=np.intp)
        truth = indices([guess.truth for guess in self.guesses], classes)
        said = [indices([getattr(guess, who) for guess in self.guesses], classes) for who in ("head", "mixture")]
        head, mixture = (_as_rows(one, len(classes)) for one in said)
        return gate.updated(truth, head, mixture, counts)

    def accuracy(self) -> float | None:
        """Share of labels that the head would have given."""
        return sum(one.truth == one.head for one in self.guesses) / len(self.guesses) if self.guesses else None


def _as_rows(answers: NDArray[np.intp], classes: int) -> NDArray[np.float64]:
    rows = np.zeros((len(answers), classes))
    known = np.flatnonzero(answers >= 0)
    rows[known, answers[known]] = 1.0
    return rows
