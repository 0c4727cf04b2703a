from pathlib import Path

import numpy as np
import pytest

from consumers.scoring.generations import Live
from schemas.annotations import ItemScored
from schemas.items import MediaRef, Modality
from tests.unit.consumers.scoring.builders import (
    DIM,
    MODEL,
    Bench,
    Task,
    around,
    by_item,
    direction,
    embedded,
    label_some,
    part,
    settled_in,
    signal,
    withdrawn,
)

EAST, NORTH, UP = direction(1), direction(0, 1), direction(0, 0, 1)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


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


# Another model goes live


def test_a_new_model_scores_everything_anew_with_the_heads_of_its_own_space(bench: Bench) -> None:
    items = [embedded(f"{n}", vector) for n, vector in enumerate([*around(0, 6), *around(1, 6)])]
    bench.index_and_score(items)
    bench.label({"0": "east", "1": "east", "6": "north", "7": "north"})
    bench.ticks()
    bench.live = Live("model-2", DIM, 1)
    told = by_item(bench.ticks())
    assert set(told) == {f"{n}" for n in range(12)} - {"0", "1", "6", "7"}
    assert {(fact.model_version, fact.generation) for fact in told.values()} == {("model-2", 1)}
    assert told["3"].predicted[0].label == "east"


def test_after_a_rollback_the_former_model_tells_everything_again_under_new_ids(bench: Bench) -> None:
    before = bench.index_and_score([embedded(f"{n}", vector) for n, vector in enumerate(around(0, 4))])
    bench.live = Live("model-2", DIM, 1)
    bench.ticks()
    bench.scored(embedded("meanwhile", NORTH, model_version="model-2"))
    bench.index.put(embedded("meanwhile", NORTH, model_version="model-2"))
    bench.live = Live(MODEL, DIM, 2)
    after = bench.ticks()
    assert {fact.item_id for fact in after} == {"0", "1", "2", "3", "meanwhile"}
    assert not {fact.event_id for fact in before} & {fact.event_id for fact in after}


def test_a_switch_while_the_process_was_down_is_caught_up_with(bench: Bench) -> None:
    bench.index_and_score([embedded("mill", EAST)])
    bench.live = Live("model-2", DIM, 1)
    assert [fact.model_version for fact in bench.again().ticks()] == ["model-2"]


def test_facts_of_a_space_that_is_not_live_are_passed_over(bench: Bench) -> None:
    assert bench.scored(embedded("mill", EAST, model_version="model-2")) == []
