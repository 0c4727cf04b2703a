from pathlib import Path

import pytest

from schemas.items import Modality
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
    signal,
)

EAST, NORTH, UP = direction(1), direction(0, 1), direction(0, 0, 1)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


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
