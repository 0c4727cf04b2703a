import math
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.label_studio.templates.answers import Answer
from annotation.quality.config import QualityConfig
from annotation.quality.rule.answers import alike
from annotation.quality.rule.consensus import Outcome, Unsettled, favourite, outcome
from annotation.quality.rule.votes import Vote
from annotation.tasks import TaskConfig, TaskKind
from schemas.annotations import Arm

CONFIG = QualityConfig()
CLASSES = ("arts", "news", "sport")


def task(annotators: int = 1, kind: TaskKind = TaskKind.CLASS) -> TaskConfig:
    return TaskConfig(name="topic", kind=kind, labels=CLASSES, annotators=annotators)


def votes(**answers: str | None) -> list[Vote]:
    """Somebody's answers; classes are separated by spaces, None is a skip."""
    return [
        Vote(name, None if said is None else Answer(labels=tuple(said.split())), 1, Arm.ACTIVE, f"key-{name}")
        for name, said in answers.items()
    ]


def come_to(asked: TaskConfig, given: list[Vote], trust: Mapping[str, float] = {}) -> Outcome | None:
    return outcome(asked, CONFIG, given, lambda name: trust.get(name, 0.9), alike(asked, CONFIG))


def test_one_answer_settles_where_one_is_wanted_and_is_trusted_as_its_giver_is() -> None:
    settled = come_to(task(), votes(ann="sport"), {"ann": 0.83})
    assert settled is not None
    assert (settled.reason, settled.labels, settled.trust) == (None, ("sport",), pytest.approx(0.83))
    assert (settled.annotators, settled.agreement) == (1, None)


def test_nothing_is_decided_before_all_who_were_asked_have_answered() -> None:
    assert come_to(task(annotators=2), votes(ann="sport")) is None


def test_trust_is_the_posterior_of_the_one_coin_model() -> None:
    """Two of three say sport; three classes; accuracies 0.8, 0.7 and 0.9; worked out by Bayes' rule."""
    settled = come_to(task(3), votes(ann="sport", bob="sport", eve="arts"), {"ann": 0.8, "bob": 0.7, "eve": 0.9})
    sport, arts, news = 0.8 * 0.7 * 0.05, 0.1 * 0.15 * 0.9, 0.1 * 0.15 * 0.05
    best = favourite(
        task(3),
        CONFIG,
        votes(ann="sport", bob="sport", eve="arts"),
        lambda name: {"ann": 0.8, "bob": 0.7, "eve": 0.9}[name],
        alike(task(3), CONFIG),
    )
    assert best.probability == pytest.approx(sport / (sport + arts + news))
    assert settled is not None
    assert settled.trust == pytest.approx(best.probability)


def test_one_trusted_person_outweighs_two_who_guess() -> None:
    given = votes(ann="sport", bob="arts", eve="arts")
    settled = come_to(task(3), given, {"ann": 0.95, "bob": 1 / 3, "eve": 0.2})
    assert settled is not None
    assert settled.labels == ("sport",)


def test_disagreement_below_the_threshold_asks_one_more_person() -> None:
    open_ = come_to(task(annotators=2), votes(ann="sport", bob="arts"))
    assert open_ is not None
    assert (open_.reason, open_.ask, open_.agreement) == (Unsettled.DISAGREEMENT, 3, 0.0)


def test_after_as_many_people_as_may_be_asked_an_item_stays_without_a_label() -> None:
    given = votes(ann="sport", bob="arts", eve="news", dan="arts", joe="sport")
    given_up = come_to(task(annotators=2), given)
    assert given_up is not None
    assert (given_up.reason, given_up.ask) == (Unsettled.NO_CONSENSUS, 0)


def test_an_item_that_everybody_skips_has_no_label() -> None:
    skipped = come_to(task(), votes(ann=None))
    assert skipped is not None
    assert skipped.reason is Unsettled.SKIPPED


def test_a_skip_does_not_hold_up_an_answer() -> None:
    settled = come_to(task(annotators=2), votes(ann=None, bob="sport"))
    assert settled is not None
    assert (settled.labels, settled.annotators) == (("sport",), 1)


def test_labels_of_a_set_are_voted_on_one_by_one() -> None:
    given = votes(ann="arts news", bob="arts", eve="arts news")
    settled = come_to(task(3, TaskKind.MULTI_LABEL), given)
    assert settled is not None
    assert settled.labels == ("arts", "news")
    assert settled.trust == pytest.approx(0.9)  # news: two for, one against


def test_words_that_nearly_agree_settle_as_what_one_of_them_said() -> None:
    asked = task(2, TaskKind.CAPTION)
    given = [
        Vote("ann", Answer(text="a red car"), 1, Arm.ACTIVE, "1", ({"id": "hers"},)),
        Vote("bob", Answer(text="the red car"), 1, Arm.ACTIVE, "2", ({"id": "his"},)),
    ]
    settled = come_to(asked, given, {"bob": 0.95})
    assert settled is not None
    assert (settled.labels, settled.result) == ((), ({"id": "his"},))
    assert settled.trust > 0.99


NAMES = ("ann", "bob", "eve", "dan")


@given(
    st.lists(st.sampled_from([*CLASSES, None]), min_size=1, max_size=4),
    st.lists(st.integers(30, 99), min_size=4, max_size=4),
    st.randoms(use_true_random=False),
)
def test_the_order_of_votes_makes_no_difference(said: list[str | None], percent: list[int], shuffled: object) -> None:
    given = votes(**dict(zip(NAMES, said, strict=False)))
    trust = {name: each / 100 for name, each in zip(NAMES, percent, strict=True)}
    again = list(given)
    shuffled.shuffle(again)  # type: ignore[attr-defined]
    assert come_to(task(), given, trust) == come_to(task(), again, trust)


@given(
    st.lists(st.sampled_from(CLASSES), min_size=1, max_size=4), st.lists(st.integers(30, 99), min_size=4, max_size=4)
)
def test_trust_is_a_probability(said: list[str], percent: list[int]) -> None:
    trust = {name: each / 100 for name, each in zip(NAMES, percent, strict=True)}
    best = favourite(
        task(), CONFIG, votes(**dict(zip(NAMES, said, strict=False))), lambda name: trust[name], alike(task(), CONFIG)
    )
    assert 1 / 3 - 1e-9 <= best.probability <= 1
    assert not math.isnan(best.probability)
