import pytest

from annotation.label_studio.templates.answers import Answer, Box, Span
from annotation.quality.config import QualityConfig
from annotation.quality.rule.answers import alike, chosen_answer, possible_answers, word_f1
from annotation.tasks import TaskConfig, TaskKind


def task(kind: TaskKind) -> TaskConfig:
    return TaskConfig(name="look", kind=kind, labels=("cat", "dog"))


@pytest.mark.parametrize(
    ("kind", "one", "same", "different"),
    [
        (TaskKind.CLASS, Answer(labels=("cat",)), Answer(labels=("cat",)), Answer(labels=("dog",))),
        (TaskKind.MULTI_LABEL, Answer(), Answer(), Answer(labels=("dog",))),
        (TaskKind.PAIRWISE, Answer(choice="left"), Answer(choice="left"), Answer(choice="right")),
        (TaskKind.RELEVANCE, Answer(rating=3), Answer(rating=3), Answer(rating=4)),
        (TaskKind.CAPTION, Answer(text="A red car."), Answer(text="a car, red"), Answer(text="two dogs")),
        (
            TaskKind.BOXES,
            Answer(boxes=(Box("cat", 0, 0, 10, 10),)),
            Answer(boxes=(Box("cat", 1, 0, 10, 10),)),
            Answer(boxes=(Box("cat", 9, 0, 10, 10),)),
        ),
        (
            TaskKind.AUDIO_SEGMENTS,
            Answer(spans=(Span("cat", 0, 3),)),
            Answer(spans=(Span("cat", 0.5, 3),)),
            Answer(spans=(Span("dog", 0, 3),)),
        ),
    ],
)
def test_answers_of_each_kind_are_held_against_each_other(
    kind: TaskKind, one: Answer, same: Answer, different: Answer
) -> None:
    says_the_same = alike(task(kind), QualityConfig())
    assert says_the_same(one, same)
    assert not says_the_same(one, different)


def test_word_agreement_counts_repetitions() -> None:
    assert word_f1("no no no", "no") == pytest.approx(0.5)


@pytest.mark.parametrize(("kind", "count"), [(TaskKind.CLASS, 2), (TaskKind.RELEVANCE, 4), (TaskKind.CAPTION, 1000)])
def test_what_chance_can_hit_depends_on_the_kind(kind: TaskKind, count: int) -> None:
    assert possible_answers(task(kind), QualityConfig()) == count


def test_a_side_of_a_pair_is_chosen_by_its_name() -> None:
    assert chosen_answer(task(TaskKind.PAIRWISE), ("left",)) == Answer(choice="left")


@pytest.mark.parametrize(("kind", "labels"), [(TaskKind.PAIRWISE, ("up",)), (TaskKind.CAPTION, ("cat",))])
def test_what_cannot_be_chosen_is_no_answer(kind: TaskKind, labels: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="task look"):
        chosen_answer(task(kind), labels)
