from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Engine

from models.labels.store import LabelStore, Standing, standings, write_standings
from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from schemas.annotations import Arm


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = open_engine(MetadataConfig(url="sqlite:///:memory:"))
    LabelStore(engine).create_tables()
    yield engine
    engine.dispose()


def standing(item_id: str, label: str | None, **more: object) -> Standing:
    reason = None if label else "withdrawn"
    labels = (label,) if label else ()
    made = Standing("acme", "topic", item_id, 7, Arm.RANDOM, reason, labels, ({"id": "r"},), 0.9, 1, None)
    return replace(made, **more)  # type: ignore[arg-type]


def write(engine: Engine, *after: Standing) -> None:
    with engine.begin() as connection:
        known = {one.item_id: one for one in standings(connection, "acme", ["topic"], [one.item_id for one in after])}
        write_standings(connection, [(known.get(one.item_id), one) for one in after])


def test_a_label_comes_back_as_it_was_written(engine: Engine) -> None:
    write(engine, standing("a", "sport", revision=3, at_ms=12, agreement=0.5))
    [label] = LabelStore(engine).labels("topic", "acme")
    assert (label.item_id, label.version, label.labels, label.result) == ("a", 7, ("sport",), ({"id": "r"},))
    assert (label.trust, label.arm, label.annotators) == (0.9, Arm.RANDOM, 1)
    assert (label.agreement, label.revision, label.settled_at_ms) == (0.5, 3, 12)


def test_an_item_without_a_label_is_not_among_the_labels(engine: Engine) -> None:
    write(engine, standing("a", "sport"), standing("b", None))
    assert [label.item_id for label in LabelStore(engine).labels("topic", "acme")] == ["a"]


def test_labels_of_another_tenant_or_task_are_not_seen(engine: Engine) -> None:
    write(engine, standing("a", "sport"))
    assert LabelStore(engine).labels("topic", "other") == []
    assert LabelStore(engine).labels("tone", "acme") == []


def test_a_reader_sees_only_what_changed_since_it_looked(engine: Engine) -> None:
    store = LabelStore(engine)
    write(engine, standing("a", "sport"), standing("b", "arts"))
    upto = store.changes("topic", "acme").upto
    write(engine, standing("b", "sport"), standing("c", "arts"))
    later = store.changes("topic", "acme", upto)
    assert [(label.item_id, label.labels) for label in later.settled] == [("b", ("sport",)), ("c", ("arts",))]
    assert store.changes("topic", "acme", later.upto) == ([], [], later.upto)


def test_a_reader_sees_a_label_go(engine: Engine) -> None:
    store = LabelStore(engine)
    write(engine, standing("a", "sport"))
    upto = store.latest_change("topic", "acme")
    write(engine, standing("a", None))
    assert store.changes("topic", "acme", upto) == ([], ["a"], upto + 1)


def test_labels_are_counted_as_they_come_and_go(engine: Engine) -> None:
    store = LabelStore(engine)
    write(engine, standing("a", "sport"), standing("b", "arts"))
    write(engine, standing("a", None), standing("c", None))
    write(engine, standing("b", "sport"))
    assert store.count("topic", "acme") == len(store.labels("topic", "acme")) == 1


def test_some_items_labels_can_be_asked_for(engine: Engine) -> None:
    write(engine, standing("a", "sport"), standing("b", None), standing("c", "arts"))
    assert set(LabelStore(engine).labels_of("topic", "acme", ["a", "b", "z"])) == {"a"}
