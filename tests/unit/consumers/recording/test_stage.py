"""The stage: one insert for each type, and a fact at fault never spoils its neighbours."""

from collections.abc import Sequence

import pytest

from consumers.recording.stage import recording_stage
from schemas.event import Event
from schemas.items import ItemPublished, ItemWithdrawn
from streams.errors import BadRecord, Unavailable
from streams.record import Origin
from streams.stage import Incoming
from streams.topics import LOOP


class Tables:
    """Keeps what it is given, and refuses any block that holds an item named `bad`."""

    def __init__(self) -> None:
        self.blocks: list[list[str]] = []

    def insert(self, event_type: type[Event], rows: Sequence[Incoming]) -> None:
        names = [row.fact.item_id for row in rows if isinstance(row.fact, ItemPublished | ItemWithdrawn)]
        assert {type(row.fact) for row in rows} == {event_type}
        if any(name.startswith("bad") for name in names):
            raise BadRecord("cannot_be_stored")
        self.blocks.append(names)


class Unreachable:
    def insert(self, event_type: type[Event], rows: Sequence[Incoming]) -> None:
        raise Unavailable("ClickHouse does not answer")


def published(*names: str) -> list[Incoming]:
    origin = Origin("millrace.items.raw.v1", 0, 0)
    return [Incoming(ItemPublished(item_id=name, text="t"), origin) for name in names]


def withdrawn(name: str) -> Incoming:
    return Incoming(ItemWithdrawn(item_id=name), Origin("millrace.items.raw.v1", 0, 0))


def test_every_topic_of_the_loop_is_recorded_and_nothing_answered() -> None:
    stage = recording_stage(Tables())
    assert stage.sources == LOOP
    assert stage.answers == ()


def test_a_batch_is_one_insert_for_each_type_in_its_order() -> None:
    tables = Tables()
    a, b, c = published("a", "b", "c")
    recording_stage(tables).outcomes([a, withdrawn("x"), b, withdrawn("y"), c])
    assert sorted(tables.blocks) == [["a", "b", "c"], ["x", "y"]]


def test_a_stored_fact_has_no_consequence() -> None:
    assert recording_stage(Tables()).outcomes(published("a", "b")) == [(), ()]


def test_an_empty_batch_has_no_outcome() -> None:
    assert recording_stage(Tables()).outcomes([]) == []


def test_only_the_facts_at_fault_are_dead_letters() -> None:
    tables = Tables()
    outcomes = recording_stage(tables).outcomes(published("a", "bad1", "b", "c", "bad2"))
    assert [isinstance(outcome, BadRecord) for outcome in outcomes] == [False, True, False, False, True]
    assert sorted(name for block in tables.blocks for name in block) == ["a", "b", "c"]


def test_a_refused_type_does_not_keep_the_other_types_out() -> None:
    tables = Tables()
    [bad] = published("bad")
    outcomes = recording_stage(tables).outcomes([bad, withdrawn("x")])
    assert isinstance(outcomes[0], BadRecord)
    assert tables.blocks == [["x"]]


def test_an_engine_that_is_down_is_left_to_the_runner() -> None:
    with pytest.raises(Unavailable):
        recording_stage(Unreachable()).outcomes(published("a"))
