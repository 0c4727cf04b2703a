import pytest

from annotation.label_studio.templates.answers import Answer
from annotation.quality.config import QualityConfig
from annotation.quality.rule.answers import alike
from annotation.quality.rule.trust import Tally, evidence, trust
from annotation.quality.rule.votes import Vote
from annotation.tasks import TaskConfig
from schemas.annotations import Arm

TASK = TaskConfig(name="topic", labels=("arts", "sport"))
ALIKE = alike(TASK, QualityConfig())


def votes(**answers: str | None) -> list[Vote]:
    return [
        Vote(name, None if said is None else Answer(labels=(said,)), 1, Arm.ACTIVE, name)
        for name, said in answers.items()
    ]


def test_somebody_new_is_trusted_as_the_prior_says() -> None:
    assert trust(Tally(), QualityConfig()) == 0.9


def test_trust_is_the_mean_of_the_posterior() -> None:
    """Beta(9 + 60, 1 + 40): 69 of 110."""
    assert trust(Tally(gold_asked=100, gold_right=60), QualityConfig()) == pytest.approx(69 / 110, abs=0.005)


def test_peers_and_gold_count_alike() -> None:
    gold, peers = Tally(gold_asked=10, gold_right=3), Tally(peers_met=10, peers_agreed=3)
    assert trust(gold, QualityConfig()) == trust(peers, QualityConfig())


def test_gold_measures_everybody_by_the_right_answer() -> None:
    found = evidence(votes(ann="arts", bob="sport", eve=None), Answer(labels=("arts",)), ALIKE)
    assert found == {"ann": Tally(1, 1), "bob": Tally(1, 0)}


def test_somebody_alone_gives_no_evidence_of_themselves() -> None:
    assert evidence(votes(ann="arts"), None, ALIKE) == {}


def test_each_is_held_against_the_others_never_against_themselves() -> None:
    found = evidence(votes(ann="arts", bob="arts", eve="sport"), None, ALIKE)
    assert found["eve"] == Tally(peers_met=1, peers_agreed=0)
    assert "ann" not in found  # the others, bob and eve, say nothing together
    assert "bob" not in found


def test_two_who_agree_vouch_for_each_other() -> None:
    found = evidence(votes(ann="arts", bob="arts"), None, ALIKE)
    assert found == {"ann": Tally(peers_met=1, peers_agreed=1), "bob": Tally(peers_met=1, peers_agreed=1)}
