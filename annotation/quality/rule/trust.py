"""How far an annotator is trusted: the mean of a Beta posterior of their accuracy.

Two kinds of evidence count: gold tasks, whose right answer is known, and agreement with what most of the *others* say
about an item; one's own vote never speaks for oneself. Peers err too, so the second kind judges people a little too
hard; it is there because gold is scarce. Evidence is counted in whole numbers over items, so that it does not depend on
the order in which answers came.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from annotation.label_studio.templates.answers import Answer
from annotation.quality.config import QualityConfig
from annotation.quality.rule.votes import Alike, Vote, camps

STEPS = 100
"""Trust moves in hundredths, so that it seldom moves once much is known."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What is known of an annotator in one task."""

    gold_asked: int = 0
    gold_right: int = 0
    peers_met: int = 0
    peers_agreed: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.gold_asked + other.gold_asked,
            self.gold_right + other.gold_right,
            self.peers_met + other.peers_met,
            self.peers_agreed + other.peers_agreed,
        )

    def __sub__(self, other: "Tally") -> "Tally":
        return self + Tally(-other.gold_asked, -other.gold_right, -other.peers_met, -other.peers_agreed)


def trust(tally: Tally, config: QualityConfig) -> float:
    """Posterior mean accuracy under a Beta prior, in steps of a hundredth."""
    right = config.prior_right + tally.gold_right + tally.peers_agreed
    seen = config.prior_right + config.prior_wrong + tally.gold_asked + tally.peers_met
    return round(right / seen * STEPS) / STEPS


def evidence(votes: Sequence[Vote], gold: Answer | None, alike: Alike) -> dict[str, Tally]:
    """What the votes on one item tell about those who gave them; `gold` is the right answer where it is known."""
    given = [vote for vote in votes if vote.answer is not None]
    if gold is not None:
        return {vote.annotator: Tally(1, int(vote.answer is not None and alike(vote.answer, gold))) for vote in given}
    found = {}
    for vote in given:
        most = _what_most_say([other for other in given if other is not vote], alike)
        if most is not None and vote.answer is not None:
            found[vote.annotator] = Tally(peers_met=1, peers_agreed=int(alike(vote.answer, most)))
    return found


def _what_most_say(votes: Sequence[Vote], alike: Alike) -> Answer | None:
    """The answer of the largest camp; None where two camps are as large, or nobody answered."""
    found = camps(votes, alike, lambda _: 1.0)
    if not found or (len(found) > 1 and len(found[0].votes) == len(found[1].votes)):
        return None
    return found[0].speaker.answer
