from collections.abc import Sequence

from schemas.items import ItemCurated, ItemWithdrawn
from schemas.searches import FeedbackGiven
from streams.errors import BadRecord
from streams.record import Origin
from streams.stage import Incoming
from tests.unit.trainers.snapshots.frozen import curated, withdrawn
from trainers.snapshots.catalogue.stage import catalogue_stage

HERE = Origin("items.curated", 0, 1)


class Written:
    """Keeps what it was given."""

    def __init__(self) -> None:
        self.facts: list[ItemCurated | ItemWithdrawn] = []

    def write(self, facts: Sequence[ItemCurated | ItemWithdrawn]) -> None:
        self.facts += facts


def test_what_was_curated_or_withdrawn_is_written_down_and_nothing_is_answered() -> None:
    written, facts = Written(), [curated("a"), withdrawn("b", 2)]
    assert catalogue_stage(written).outcomes([Incoming(fact, HERE) for fact in facts]) == [(), ()]
    assert written.facts == facts


def test_a_fact_of_another_kind_spoils_nothing() -> None:

    written = Written()
    stranger = FeedbackGiven.model_construct()
    bad, good = catalogue_stage(written).outcomes([Incoming(stranger, HERE), Incoming(curated("a"), HERE)])
    assert isinstance(bad, BadRecord)
    assert (good, len(written.facts)) == ((), 1)


def test_the_stage_leaves_unreadable_records_to_embedding() -> None:
    assert catalogue_stage(Written()).witness
