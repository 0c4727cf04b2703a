"""Gold answers, trust that moves, and labels that follow it."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, select

from annotation.quality.config import QualityConfig
from annotation.quality.gold import GoldAnswers, chosen
from annotation.quality.tables import annotator_tallies
from models.labels.store import LabelStore
from schemas.annotations import LabelSettled, LabelUnsettled, Purpose
from tests.unit.annotation.quality.spoken import Mill, changed, completed, database, task


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = database()
    yield engine
    engine.dispose()


@pytest.fixture
def mill(engine: Engine) -> Mill:
    return Mill(engine)


def tallies(engine: Engine) -> dict[str, tuple[int, int, int, int]]:
    with engine.connect() as connection:
        rows = connection.execute(select(annotator_tallies)).all()
    return {row.annotator: (row.gold_right, row.gold_asked, row.peers_agreed, row.peers_met) for row in rows}


def trust_in_label(engine: Engine, item: str) -> float:
    return LabelStore(engine).labels_of("topic", "acme", [item])[item].trust


def know(engine: Engine, item: str, label: str) -> None:
    GoldAnswers(engine, task()).add([(item, chosen(task(), [label]))])


def test_gold_measures_those_who_answer_after_it_is_known(mill: Mill) -> None:
    know(mill.engine, "g", "arts")
    mill.tick()
    mill.told(completed("g", "ann", "arts", purpose=Purpose.GOLD.value))
    mill.told(completed("g", "bob", "news", purpose=Purpose.GOLD.value))
    assert tallies(mill.engine) == {"ann": (1, 1, 0, 0), "bob": (0, 1, 0, 0)}


def test_gold_measures_those_who_had_answered_before(mill: Mill) -> None:
    mill.told(completed("g", "ann", "arts"))
    know(mill.engine, "g", "news")
    mill.tick()
    assert tallies(mill.engine) == {"ann": (0, 1, 0, 0)}


def test_a_label_whose_item_becomes_gold_goes(mill: Mill) -> None:
    mill.told(completed("g", "ann", "arts"))
    know(mill.engine, "g", "arts")
    [unsettled] = mill.tick()
    assert isinstance(unsettled, LabelUnsettled)
    assert unsettled.reason == "gold"
    assert LabelStore(mill.engine).labels("topic", "acme") == []


def test_gold_that_is_removed_is_forgotten_and_the_label_comes_back(mill: Mill) -> None:
    mill.told(completed("g", "ann", "arts"))
    know(mill.engine, "g", "news")
    mill.tick()
    assert GoldAnswers(mill.engine, task()).remove(["g"]) == 1
    [settled] = mill.tick()
    assert isinstance(settled, LabelSettled)
    assert tallies(mill.engine) == {"ann": (0, 0, 0, 0)}
    assert GoldAnswers(mill.engine, task()).known() == []


def test_a_changed_answer_is_measured_anew(mill: Mill) -> None:
    know(mill.engine, "g", "arts")
    mill.tick()
    mill.told(completed("g", "ann", "news"), changed("g", "ann", "arts"))
    assert tallies(mill.engine) == {"ann": (1, 1, 0, 0)}


def test_peers_measure_each_other(engine: Engine) -> None:
    mill = Mill(engine, task(annotators=3))
    mill.told(completed("a", "ann", "arts"), completed("a", "bob", "arts"), completed("a", "eve", "news"))
    assert tallies(engine) == {"ann": (0, 0, 0, 0), "bob": (0, 0, 0, 0), "eve": (0, 0, 0, 1)}


def test_older_labels_follow_the_trust_in_their_giver_without_a_word(mill: Mill) -> None:
    mill.told(completed("a", "ann", "sport"))
    know(mill.engine, "g", "arts")
    mill.tick()
    mill.told(completed("g", "ann", "news"))
    assert trust_in_label(mill.engine, "a") == pytest.approx(0.9)
    assert mill.tick() == []
    assert trust_in_label(mill.engine, "a") == pytest.approx(0.82)


def test_a_label_that_rests_on_somebody_who_is_trusted_no_more_goes_to_adjudication(mill: Mill) -> None:
    mill.told(completed("a", "ann", "sport"))
    for place in range(9):
        know(mill.engine, f"g{place}", "arts")
    mill.tick()
    mill.told(*(completed(f"g{place}", "ann", "news") for place in range(9)))
    unsettled, asked = mill.tick()
    assert isinstance(unsettled, LabelUnsettled)
    assert (unsettled.item_id, unsettled.reason) == ("a", "disagreement")
    assert asked.type_name() == "millrace.AnnotationRequested.v1"


def test_what_a_tick_found_is_said_again_after_a_crash_and_not_after_it_was_written(mill: Mill) -> None:
    mill.told(completed("g", "ann", "arts"))
    know(mill.engine, "g", "arts")
    said = mill.tick()
    assert len(said) == 1
    restarted = Mill(mill.engine)
    assert restarted.tick() == said
    assert restarted.tick() == []
    assert Mill(mill.engine).tick() == []


def test_a_sweep_takes_as_many_ticks_as_its_size_says(engine: Engine) -> None:
    mill = Mill(engine, config=QualityConfig(sweep_items=4))
    mill.told(*(completed(f"item-{place}", "ann", "sport") for place in range(10)))
    know(engine, "zz", "arts")
    mill.tick()
    mill.told(completed("zz", "ann", "news"))
    followed = []
    for _ in range(4):
        mill.tick()
        followed.append(sum(label.trust < 0.85 for label in LabelStore(engine).labels("topic", "acme")))
    assert followed == [4, 8, 10, 10]


def test_other_settings_make_other_trust_at_the_next_start(mill: Mill) -> None:
    know(mill.engine, "g", "arts")
    mill.tick()
    mill.told(completed("g", "ann", "arts"), completed("a", "ann", "sport"))
    stricter = Mill(mill.engine, config=QualityConfig(prior_right=7, prior_wrong=1), start=100)
    stricter.tick()
    assert trust_in_label(mill.engine, "a") == pytest.approx(8 / 9, abs=0.005)
