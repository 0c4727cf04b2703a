from pathlib import Path

import pytest

from streams.errors import Unavailable
from tests.unit.consumers.scoring.builders import (
    MODEL,
    Bench,
    Task,
    around,
    by_item,
    direction,
    embedded,
    label_some,
    settled_in,
    withdrawn,
)

EAST, NORTH, UP = direction(1), direction(0, 1), direction(0, 0, 1)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_labels_make_items_between_two_classes_uncertain_and_others_certain(bench: Bench) -> None:
    settled_in(bench)
    label_some(bench, 8)
    facts = by_item(bench.ticks())
    u = {name: fact.uncertainty.margin or 0 for name, fact in facts.items()}
    assert u["between-0"] > 0.8 > u["east-10"]
    assert facts["between-0"].acquisition > facts["east-10"].acquisition
    assert facts["east-10"].predicted[0].label == "east"
    assert sum(one.probability for one in facts["east-10"].predicted) == pytest.approx(1)


def test_every_measure_of_uncertainty_is_told(bench: Bench) -> None:
    settled_in(bench)
    label_some(bench)
    measures = by_item(bench.ticks())["between-0"].uncertainty
    assert all(value is not None for value in measures.model_dump().values())


@pytest.mark.parametrize("where", ["pool", "index"])
def test_scores_after_a_refit_name_the_head_and_have_fresh_neighbours(tmp_path: Path, where: str) -> None:
    bench = Bench(tmp_path, neighbours_from=where)
    settled_in(bench)
    bench.index_and_score([embedded("late", direction(1, 1))])
    label_some(bench)
    fact = by_item(bench.ticks())["between-0"]
    assert fact.head == 6
    assert "late" in [near.item_id for near in fact.neighbours]


def test_one_class_alone_makes_no_head(bench: Bench) -> None:
    settled_in(bench)
    bench.label({"east-0": "east", "east-1": "east"})
    assert bench.ticks() == []


def test_labelled_items_are_not_scored_again(bench: Bench) -> None:
    settled_in(bench)
    label_some(bench)
    told = by_item(bench.ticks())
    assert not {"east-0", "north-2"} & set(told)
    assert bench.scored(embedded("east-0", around(0, 20)[0])) == []


def test_a_new_version_of_a_labelled_item_is_a_candidate_again(bench: Bench) -> None:
    settled_in(bench)
    label_some(bench)
    bench.ticks()
    assert len(bench.scored(embedded("east-0", UP, 2))) == 1


def test_an_item_whose_label_was_taken_back_is_a_candidate_again(bench: Bench) -> None:
    settled_in(bench)
    label_some(bench)
    bench.ticks()
    bench.unlabel("east-0", "withdrawn")
    assert "east-0" in by_item(bench.ticks())


def test_a_label_taken_back_makes_another_head_with_a_higher_number(bench: Bench) -> None:
    settled_in(bench)
    label_some(bench)
    bench.ticks()
    bench.unlabel("east-0", "withdrawn")
    bench.ticks()
    kept = bench.heads.latest("default", "topic", MODEL)
    assert kept is not None
    assert (kept.revision, kept.labels) == (7, 5)


def test_withdrawn_items_are_not_scored_again(bench: Bench) -> None:
    settled_in(bench)
    bench.scored(withdrawn("east-15", 1))
    del bench.index.items["default"]["east-15"]
    label_some(bench)
    told = by_item(bench.ticks())
    assert "east-15" not in told
    assert all(near.item_id != "east-15" for fact in told.values() for near in fact.neighbours)


def test_no_more_items_are_told_again_than_the_budget_allows(tmp_path: Path) -> None:
    bench = Bench(tmp_path, rescore_budget=7, rescore_slice=3)
    settled_in(bench)
    label_some(bench)
    assert [len(bench.tick()) for _ in range(4)] == [3, 3, 1, 0]


def test_only_changes_worth_telling_are_told(tmp_path: Path) -> None:
    bench = Bench(tmp_path, worth_telling=1.0)
    settled_in(bench)
    label_some(bench)
    assert bench.ticks() == []


def test_a_head_is_fitted_again_only_after_enough_labels_and_time(tmp_path: Path) -> None:
    bench = Bench(tmp_path, refit_every=4, refit_interval_s=60)
    settled_in(bench)
    bench.label({"east-0": "east", "north-0": "north", "east-1": "east"})
    assert bench.ticks(3) == []
    bench.label({"north-1": "north"})
    assert {fact.head for fact in bench.ticks(10)} == {4}
    bench.label({f"east-{n}": "east" for n in range(2, 7)})
    assert bench.ticks(10) == []
    bench.clock.now += 60
    assert {fact.head for fact in bench.ticks(10)} <= {9}
    assert bench.heads.latest("default", "topic", MODEL).revision == 9  # type: ignore[union-attr]


def test_labels_of_another_version_than_people_saw_teach_nothing(bench: Bench) -> None:
    settled_in(bench)
    bench.label({f"{name}-{n}": name for name in ("east", "north") for n in range(3)}, version=2)
    assert bench.ticks() == []


def test_a_label_without_trust_teaches_nothing(bench: Bench) -> None:
    settled_in(bench)
    bench.label({"east-0": "east"})
    bench.label({"north-0": "north"}, trust=0.0)
    assert bench.ticks() == []


def test_labels_of_items_that_left_the_pool_are_learnt_from_by_the_index(tmp_path: Path) -> None:
    bench = Bench(tmp_path, walk_items=1)
    for n, vector in enumerate(around(0, 5)):
        bench.index.put(embedded(f"east-{n}", vector))
    for n, vector in enumerate(around(1, 5)):
        bench.index.put(embedded(f"north-{n}", vector))
    bench.label({"east-0": "east", "north-0": "north"})
    bench.tick()
    assert bench.heads.latest("default", "topic", MODEL) is not None


@pytest.mark.parametrize("kind", ["caption", "boxes", "pairwise"])
def test_other_kinds_of_tasks_are_scored_by_density_and_feedback_alone(tmp_path: Path, kind: str) -> None:
    bench = Bench(tmp_path, (Task(kind=kind),))
    settled_in(bench)
    label_some(bench)
    assert bench.ticks() == []
    [fact] = bench.scored(embedded("new", EAST))
    assert (fact.head, fact.uncertainty.margin) == (0, None)


def test_a_multi_label_task_is_as_unsure_as_its_most_unsure_label(tmp_path: Path) -> None:
    bench = Bench(tmp_path, (Task(kind="multi_label"),))
    settled_in(bench)
    bench.label({f"east-{n}": ("warm", "red") for n in range(8)})
    bench.label({f"north-{n}": ("cold",) for n in range(8)})
    facts = by_item(bench.ticks())
    predicted = {one.label: one.probability for one in facts["east-12"].predicted}
    assert min(predicted["warm"], predicted["red"]) > 0.8 > 0.2 > predicted["cold"]
    assert (facts["between-0"].uncertainty.margin or 0) > (facts["east-12"].uncertainty.margin or 0)


def test_while_the_database_is_away_nothing_is_lost(bench: Bench) -> None:
    settled_in(bench)
    label_some(bench)
    with bench.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE heads RENAME TO away")
    for _ in range(2):
        with pytest.raises(Exception, match="heads"):
            bench.tick()
    with bench.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO heads")
    assert {fact.head for fact in bench.ticks()} == {6}


def test_a_trial_on_new_labels_sets_the_temperature(tmp_path: Path) -> None:
    bench = Bench(tmp_path, trial_labels=6)
    settled_in(bench)
    label_some(bench, 2)
    bench.ticks(1)
    assert bench.heads.latest("default", "topic", MODEL).questions[0].head.temperature == 1.0  # type: ignore[union-attr]
    bench.label({f"{name}-{n}": name for name in ("east", "north") for n in range(2, 6)})
    bench.ticks(1)
    assert bench.heads.latest("default", "topic", MODEL).questions[0].head.temperature < 1.0  # type: ignore[union-attr]


def test_while_the_index_does_not_answer_nothing_is_said_and_nothing_lost(tmp_path: Path) -> None:
    tasks = (Task(), Task("tone"))
    bench = Bench(tmp_path, tasks, neighbours_from="index")
    settled_in(bench)
    label_some(bench)
    bench.label({"east-4": "warm", "north-4": "cold"}, task="tone")
    answer, calls = bench.index.neighbours, 0

    def failing(*asked: object) -> object:
        nonlocal calls
        calls += 1
        if calls % 2 == 0:
            raise Unavailable("the index is away")
        return answer(*asked)

    bench.index.neighbours = failing
    told = []
    for _ in range(12):
        try:
            told += bench.tick()
        except Unavailable:
            continue
    bench.index.neighbours = answer
    told += bench.ticks(5)
    assert {fact.task for fact in told} == {"topic", "tone"}
    assert len({(fact.task, fact.item_id) for fact in told}) == len(told) == 37 + 41
