from pathlib import Path

import numpy as np
import pytest

from schemas.annotations import ItemScored
from schemas.items import MediaRef, Modality
from tests.unit.consumers.scoring.builders import (
    DIM,
    MODEL,
    Bench,
    Task,
    around,
    direction,
    embedded,
    part,
    signal,
    withdrawn,
)

EAST, NORTH, UP = direction(1), direction(0, 1), direction(0, 0, 1)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def two_kinds(count: int = 20) -> dict[str, list[str]]:
    return {name: [f"{name}-{n}" for n in range(count)] for name in ("east", "north")}


def settled_in(bench: Bench, count: int = 20) -> None:
    """Items of two kinds, and some between them."""
    places = {"east": around(0, count), "north": around(1, count, seed=1)}
    bench.index_and_score([embedded(f"{name}-{n}", v) for name, vs in places.items() for n, v in enumerate(vs)])
    bench.index_and_score([embedded(f"between-{n}", direction(1, 1, 0.1 * n)) for n in range(3)])
    bench.ticks(3)


def label_some(bench: Bench, count: int = 3) -> None:
    bench.label({f"{name}-{n}": name for name in ("east", "north") for n in range(count)})


def by_item(facts: list[ItemScored]) -> dict[str, ItemScored]:
    return {fact.item_id: fact for fact in facts}


# Before the first head


def test_before_the_first_head_nothing_is_known_but_density(bench: Bench) -> None:
    [first] = bench.index_and_score([embedded("mill", EAST)])
    assert first.uncertainty.margin is None
    assert (first.head, first.density, first.predicted, first.neighbours) == (0, 0.0, (), ())
    assert first.acquisition == pytest.approx(0.5)


def test_an_item_in_a_dense_place_is_worth_more_than_an_outlier(bench: Bench) -> None:
    scored = by_item(bench.index_and_score([embedded(f"near-{n}", v) for n, v in enumerate(around(0, 5))]))
    [outlier] = bench.index_and_score([embedded("outlier", direction(0, 0, 0, 0, 0, 0, 0, 1))])
    assert outlier.acquisition < scored["near-3"].acquisition


def test_what_annotators_need_to_see_travels_along(bench: Bench) -> None:
    parts = (part(EAST, text="one"), part(NORTH, 1, text="two"))
    [fact] = bench.scored(embedded("mill", EAST, 7, parts=parts, source="zoo", language="en"))
    assert (fact.version, fact.task, fact.model_version) == (7, "topic", MODEL)
    assert (fact.modality, fact.source, fact.language, fact.text) == (Modality.TEXT, "zoo", "en", "one two")


def test_long_texts_are_cut_for_showing(bench: Bench) -> None:
    [fact] = bench.scored(embedded("mill", EAST, parts=(part(EAST, text="x" * 20_000),)))
    assert len(fact.text or "") == 10_000


def test_a_picture_is_known_by_its_own_vector_even_from_an_untrained_tower(bench: Bench) -> None:
    media = MediaRef(uri="media/ab/cd", sha256="a" * 64, length=3, media_type="image/png")
    pictures = [
        embedded(
            f"dog-{n}", EAST, modality=Modality.IMAGE, media=media,
            parts=(part(v, modality=Modality.IMAGE, text=None, untrained=True), part(NORTH, 1, text="a dog")),
        )
        for n, v in enumerate([EAST, EAST, UP])
    ]  # fmt: skip
    facts = by_item(bench.scored(*pictures))
    assert [(near.item_id, near.distance) for near in facts["dog-0"].neighbours] == [("dog-1", 0.0), ("dog-2", 2.0)]
    assert (facts["dog-0"].media, facts["dog-0"].text) == (media, "a dog")


# Neighbours


def test_items_of_a_batch_are_each_others_neighbours_before_the_index_has_them(bench: Bench) -> None:
    facts = by_item(bench.scored(embedded("a", EAST), embedded("b", direction(1, 1)), embedded("c", NORTH)))
    assert [near.item_id for near in facts["a"].neighbours] == ["b", "c"]
    assert facts["a"].neighbours[0].distance == pytest.approx(2 - 2 * 0.5**0.5)


def test_neighbours_in_the_index_and_in_the_batch_count_once(bench: Bench) -> None:
    bench.index_and_score([embedded("old", direction(1, 0.1))])
    new = [embedded("a", EAST), embedded("b", direction(1, 0.2))]
    facts = by_item(bench.index_and_score(new))
    assert [near.item_id for near in facts["a"].neighbours] == ["old", "b"]


def test_an_item_that_only_the_index_has_is_a_neighbour_where_the_index_is_asked(tmp_path: Path) -> None:
    bench = Bench(tmp_path, (Task(sources=("",)),), neighbours_from="index")
    bench.ticks(3)
    bench.index.put(embedded("elsewhere", EAST, source="zoo"))
    [fact] = bench.scored(embedded("a", EAST))
    assert [near.item_id for near in fact.neighbours] == ["elsewhere"]


def test_an_item_of_an_earlier_batch_is_a_neighbour_before_the_index_has_it(bench: Bench) -> None:
    bench.ticks(3)
    bench.scored(embedded("a", EAST))
    [fact] = bench.scored(embedded("b", EAST))
    assert [near.item_id for near in fact.neighbours] == ["a"]


def test_texts_and_pictures_are_no_neighbours(bench: Bench) -> None:
    picture = embedded("dog", EAST, modality=Modality.IMAGE)
    facts = by_item(bench.scored(picture, embedded("a", EAST)))
    assert facts["dog"].neighbours == facts["a"].neighbours == ()


# Which items


@pytest.mark.parametrize(
    "fact",
    [
        embedded("mill", EAST, tenant="other"),
        embedded("mill", EAST, model_version="model-2"),
        embedded("mill", EAST, modality=Modality.AUDIO),
        embedded("mill", EAST, source="elsewhere"),
        embedded("mill", np.zeros(DIM, np.float32)),
        embedded("mill", np.full(DIM, np.nan, np.float32)),
        embedded("mill", np.ones(DIM + 1, np.float32)),
    ],
    ids=["tenant", "model", "modality", "source", "zero", "not-a-number", "dimension"],
)
def test_what_no_task_is_about_or_no_vector_has_is_passed_over(tmp_path: Path, fact: ItemScored) -> None:
    bench = Bench(tmp_path, (Task(sources=("zoo", "")),))
    assert bench.answers(fact) == [[]]


def test_an_item_is_scored_for_every_task_that_is_about_it(tmp_path: Path) -> None:
    tasks = (Task(), Task("tone"), Task("pictures", modalities=(Modality.IMAGE,)))
    facts = Bench(tmp_path, tasks).scored(embedded("mill", EAST))
    assert sorted(fact.task for fact in facts) == ["tone", "topic"]
    assert len({fact.event_id for fact in facts}) == 2


def test_without_a_task_nothing_is_scored(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ())
    assert (bench.scored(embedded("mill", EAST)), bench.tick()) == ([], [])


def test_an_older_version_that_comes_late_is_not_scored(bench: Bench) -> None:
    bench.index_and_score([embedded("mill", EAST, 5)])
    assert bench.scored(embedded("mill", NORTH, 4)) == []


def test_of_two_versions_in_a_batch_the_newer_is_scored(bench: Bench) -> None:
    answers = bench.answers(embedded("mill", EAST, 5), embedded("mill", NORTH, 6), embedded("mill", UP, 4))
    assert [[fact.version for fact in answer] for answer in answers] == [[], [6], []]


def test_an_item_withdrawn_in_the_same_batch_is_not_scored(bench: Bench) -> None:
    assert bench.scored(embedded("mill", EAST, 5), withdrawn("mill", 6)) == []


def test_a_withdrawal_below_the_version_does_not_stand_in_its_way(bench: Bench) -> None:
    assert len(bench.scored(embedded("mill", EAST, 5), withdrawn("mill", 4))) == 1


# Replay


def test_the_same_facts_again_give_the_same_scores(bench: Bench) -> None:
    items = [embedded(f"item-{n}", v) for n, v in enumerate(around(0, 4))]
    first, second = bench.scored(*items), bench.scored(*items)
    same = {"occurred_at"}
    assert [one.model_dump(exclude=same) for one in first] == [one.model_dump(exclude=same) for one in second]


def test_a_score_by_another_head_is_another_fact(bench: Bench) -> None:
    settled_in(bench)
    item = embedded("mill", EAST)
    [before] = bench.scored(item)
    label_some(bench)
    bench.ticks(3)
    [after] = bench.scored(item)
    assert (before.head, after.head) == (0, 6)
    assert before.event_id != after.event_id


# Learning


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


# Feedback


def test_feedback_lifts_the_acquisition_and_is_told_at_once(bench: Bench) -> None:
    [before] = bench.index_and_score([embedded("mill", EAST)])
    fact = signal("mill", 0.8)
    [[after]] = bench.answers(fact)
    assert after.acquisition > before.acquisition
    assert (after.feedback_signal, after.head, after.item_id) == (0.8, 0, "mill")
    assert after.traceparent[3:35] == fact.traceparent[3:35]


def test_feedback_that_changes_nothing_is_not_told(bench: Bench) -> None:
    bench.index_and_score([embedded("mill", EAST)])
    assert bench.scored(signal("mill", 0.01)) == []


def test_the_latest_measurement_counts_in_any_order(bench: Bench) -> None:
    bench.index_and_score([embedded("mill", EAST)])
    bench.scored(signal("mill", 0.9, revision=5), signal("mill", 0.1, revision=4))
    [fact] = bench.scored(embedded("mill", EAST, 2))
    assert fact.feedback_signal == 0.9


def test_feedback_about_unknown_items_changes_nothing(bench: Bench) -> None:
    assert bench.scored(signal("never", 0.9)) == []


# Restart


def test_a_restart_goes_on_with_the_same_head_and_tells_nothing_anew(bench: Bench) -> None:
    settled_in(bench)
    label_some(bench)
    bench.ticks()
    again = bench.again()
    assert again.ticks() == []
    assert again.scored(embedded("new", EAST))[0].head == 6


def test_after_a_restart_new_labels_still_change_the_scores_of_old_items(bench: Bench) -> None:
    settled_in(bench)
    label_some(bench)
    told = by_item(bench.ticks())
    again = bench.again()
    again.ticks()
    again.label({"between-0": "between", "between-1": "between"})
    retold = by_item(again.ticks())
    assert retold["between-2"].head == 8
    assert retold["between-2"].text == told["between-2"].text == "about between-2"


def test_labels_that_came_while_nobody_was_there_are_learnt_at_the_start(bench: Bench) -> None:
    settled_in(bench)
    other = Bench(bench.folder, index=bench.index)
    label_some(other)
    assert {fact.head for fact in bench.again().ticks()} == {6}


def test_signals_survive_a_restart(bench: Bench) -> None:
    settled_in(bench)
    bench.scored(signal("between-0", 0.7))
    again = bench.again()
    again.ticks()
    label_some(again)
    assert by_item(again.ticks())["between-0"].feedback_signal == 0.7


def test_a_task_that_is_new_finds_the_items_that_were_there(bench: Bench) -> None:
    settled_in(bench)
    facts = bench.again([Task(), Task("tone")]).ticks()
    assert {fact.task for fact in facts} == {"tone"}
    assert len(facts) == 43


def test_items_that_only_the_index_knows_are_scored_by_what_it_knows(bench: Bench) -> None:
    bench.index.put(embedded("old", EAST, 3, source="zoo"))
    bench.index.put(embedded("picture", EAST, 3, modality=Modality.IMAGE))
    [fact] = bench.ticks()
    assert (fact.item_id, fact.version, fact.text, fact.source) == ("old", 3, "about old", "zoo")
    assert bench.again().ticks() == []


def test_a_full_pool_lets_the_oldest_without_a_label_go(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    vectors = around(0, 1_200)
    bench.index_and_score([embedded(f"east-{n}", v) for n, v in enumerate(vectors[:900])])
    bench.index_and_score([embedded(f"north-{n}", v) for n, v in enumerate(around(1, 90))])
    bench.ticks(5)
    label_some(bench)
    bench.tick()
    bench.index_and_score([embedded(f"late-{n}", v) for n, v in enumerate(vectors[900:])])
    facts = by_item(bench.ticks())
    assert "north-50" in facts
    assert "east-5" not in facts
    assert bench.heads.latest("default", "topic", MODEL).labels == 6  # type: ignore[union-attr]
