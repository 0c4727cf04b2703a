from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, select

from annotation.quality.config import QualityConfig
from annotation.quality.tables import annotations, consensus_answers
from models.labels.store import LabelStore
from schemas.annotations import AnnotationRequested, Arm, LabelSettled, LabelUnsettled, Purpose
from schemas.items import ItemEmbedded, WithdrawalMode
from streams.errors import BadRecord, NotYet, Unavailable
from tests.unit.annotation.quality.spoken import (
    Mill,
    changed,
    choice,
    completed,
    database,
    item_withdrawn,
    task,
    withdrawn,
)


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = database()
    yield engine
    engine.dispose()


@pytest.fixture
def mill(engine: Engine) -> Mill:
    return Mill(engine)


@pytest.fixture
def pairs(engine: Engine) -> Mill:
    """Two people answer every item."""
    return Mill(engine, task(annotators=2))


def labels(engine: Engine) -> dict[str, tuple[str, ...]]:
    return {label.item_id: label.labels for label in LabelStore(engine).labels("topic", "acme")}


def test_an_answer_settles_a_label(mill: Mill) -> None:
    [settled] = mill.told(completed("a", "ann", "sport", arm=Arm.RANDOM))
    assert isinstance(settled, LabelSettled)
    assert (settled.labels, settled.result, settled.trust) == (("sport",), choice("sport"), pytest.approx(0.9))
    assert (settled.version, settled.revision, settled.arm) == (3, 1, Arm.RANDOM)


def test_the_store_knows_the_label_before_the_topic_does(mill: Mill) -> None:
    mill.told(completed("a", "ann", "sport"))
    assert labels(mill.engine) == {"a": ("sport",)}


def test_a_changed_answer_changes_the_label_and_raises_its_revision(mill: Mill) -> None:
    mill.told(completed("a", "ann", "sport"))
    [settled] = mill.told(changed("a", "ann", "arts"))
    assert isinstance(settled, LabelSettled)
    assert (settled.labels, settled.revision) == (("arts",), 2)


def test_an_answer_taken_back_takes_the_label_away(mill: Mill) -> None:
    mill.told(completed("a", "ann", "sport"))
    [unsettled] = mill.told(withdrawn("a", "ann"))
    assert isinstance(unsettled, LabelUnsettled)
    assert (unsettled.reason, unsettled.revision) == ("withdrawn", 2)
    assert labels(mill.engine) == {}


def test_a_skip_is_told_and_labels_nothing(mill: Mill) -> None:
    [unsettled] = mill.told(completed("a", "ann", None))
    assert isinstance(unsettled, LabelUnsettled)
    assert unsettled.reason == "skipped"


def test_a_late_completion_does_not_undo_a_change(mill: Mill) -> None:
    assert mill.told(changed("a", "ann", "arts")) == []  # the arm is not known yet
    [settled] = mill.told(completed("a", "ann", "sport"))
    assert isinstance(settled, LabelSettled)
    assert settled.labels == ("arts",)


def test_a_fact_that_comes_again_later_changes_nothing_and_says_nothing(mill: Mill) -> None:
    mill.told(completed("a", "ann", "sport"))
    assert mill.told(completed("a", "ann", "sport")) == []


def test_records_that_come_again_after_a_crash_are_answered_with_the_very_same_facts(engine: Engine) -> None:
    mill = Mill(engine, task(annotators=2))
    batch = mill.incoming([completed("a", "ann", "sport"), completed("a", "bob", "arts"), completed("a", "bob", None)])
    before = mill.stage.outcomes(batch)
    again = Mill(engine, task(annotators=2)).stage
    assert again.outcomes(batch) == before
    assert again.outcomes(batch[1:]) == before[1:]


def test_answers_are_forgotten_once_their_records_are_committed(mill: Mill) -> None:
    for place in range(20):
        mill.told(completed(f"item-{place}", "ann", "sport"))
    with mill.engine.connect() as connection:
        assert len(connection.execute(select(consensus_answers)).all()) == 1


def test_two_who_disagree_are_followed_by_a_third(pairs: Mill) -> None:
    assert pairs.told(completed("a", "ann", "sport")) == []
    unsettled, asked = pairs.told(completed("a", "bob", "arts", prelabel="mini-1"))
    assert isinstance(unsettled, LabelUnsettled)
    assert unsettled.reason == "disagreement"
    assert isinstance(asked, AnnotationRequested)
    assert (asked.purpose, asked.annotators, asked.arm) == (Purpose.ADJUDICATION.value, 3, Arm.ACTIVE)
    assert (asked.item_id, asked.version, asked.model_version) == ("a", 3, "mini-1")


def test_the_third_settles_it(pairs: Mill) -> None:
    pairs.told(completed("a", "ann", "sport"), completed("a", "bob", "arts"))
    [settled] = pairs.told(completed("a", "eve", "sport"))
    assert isinstance(settled, LabelSettled)
    assert (settled.labels, settled.annotators) == (("sport",), 3)
    assert settled.agreement == pytest.approx(1 / 3)


def test_adjudication_ends_with_the_greatest_number_of_people(engine: Engine) -> None:
    mill = Mill(engine, task(annotators=2), config=QualityConfig(max_annotators=3))
    mill.told(completed("a", "ann", "sport"), completed("a", "bob", "arts"))
    [unsettled] = mill.told(completed("a", "eve", "news"))
    assert isinstance(unsettled, LabelUnsettled)
    assert unsettled.reason == "no_consensus"


def test_the_same_round_of_adjudication_is_asked_for_once(pairs: Mill) -> None:
    pairs.told(completed("a", "ann", "sport"), completed("a", "bob", "arts"))
    told = pairs.told(changed("a", "bob", "news"))
    assert told == []


def test_withdrawing_an_item_takes_its_label_away(mill: Mill) -> None:
    mill.told(completed("a", "ann", "sport"))
    [unsettled] = mill.told(item_withdrawn("a"))
    assert isinstance(unsettled, LabelUnsettled)
    assert unsettled.reason == "item_withdrawn"
    assert labels(mill.engine) == {}


def test_an_answer_about_an_item_that_is_gone_settles_nothing(mill: Mill) -> None:
    assert mill.told(item_withdrawn("a")) == []
    [unsettled] = mill.told(completed("a", "ann", "sport"))
    assert isinstance(unsettled, LabelUnsettled)
    assert unsettled.reason == "item_withdrawn"


def test_an_answer_about_a_newer_version_of_a_withdrawn_item_settles(mill: Mill) -> None:
    mill.told(completed("a", "ann", "sport"), item_withdrawn("a"))
    [settled] = mill.told(completed("a", "bob", "arts", version=4))
    assert isinstance(settled, LabelSettled)
    assert (settled.labels, settled.version) == (("arts",), 4)


def test_of_an_erased_item_not_even_the_answers_are_kept(mill: Mill) -> None:
    mill.told(completed("a", "ann", "sport"), item_withdrawn("a", mode=WithdrawalMode.ERASE))
    mill.told(completed("a", "bob", "sport"))
    with mill.engine.connect() as connection:
        assert {row.result for row in connection.execute(select(annotations))} == {"[]"}


def test_items_that_are_embedded_are_none_of_its_business(mill: Mill) -> None:
    embedded = ItemEmbedded.model_construct(tenant="acme", item_id="a", version=3)
    assert mill.outcomes(embedded) == [()]


def test_answers_to_gold_tasks_never_become_labels(mill: Mill) -> None:
    assert mill.told(completed("a", "ann", "sport", purpose=Purpose.GOLD.value)) == []
    assert labels(mill.engine) == {}


def test_a_malformed_answer_is_set_aside_and_its_neighbours_are_not(mill: Mill) -> None:
    bad = completed("a", "ann", "sport").model_copy(update={"result": ({"type": "choices"},)})
    refused, settled = mill.outcomes(bad, completed("b", "ann", "sport"))
    assert isinstance(refused, BadRecord)
    assert "task topic" in refused.detail
    assert not isinstance(settled, BadRecord)
    assert labels(mill.engine) == {"b": ("sport",)}


def test_an_answer_to_a_task_that_nobody_configured_waits(mill: Mill) -> None:
    [outcome] = mill.outcomes(completed("a", "ann", "sport", task="tone"))
    assert isinstance(outcome, NotYet)


def test_an_annotation_that_moves_to_another_item_is_refused(mill: Mill) -> None:
    mill.told(completed("a", "ann", "sport"))
    [outcome] = mill.outcomes(changed("b", "ann", "arts", annotation_key="1/a/ann"))
    assert isinstance(outcome, BadRecord)
    assert outcome.reason == "annotation_moved"


def test_while_the_database_is_down_the_batch_waits(mill: Mill) -> None:
    with mill.engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA query_only = ON")
    with pytest.raises(Unavailable):
        mill.outcomes(completed("a", "ann", "sport"))
    with mill.engine.execution_options(reading=True).begin() as connection:
        connection.exec_driver_sql("PRAGMA query_only = OFF")
    assert len(mill.told(completed("a", "ann", "sport"))) == 1
