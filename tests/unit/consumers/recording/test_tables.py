"""Tables: created from the models, extended when the models grow, never cut."""

import pytest

from consumers.recording.columns import Column
from consumers.recording.tables import Table, alterations, create_table, create_view, tables
from consumers.recording.views import VIEWS, create_statements
from schemas.catalogue import EVENT_CLASSES
from schemas.items import ItemRejected
from schemas.searches import SearchServed
from streams.errors import Misconfigured

REJECTED = tables()[ItemRejected]


def existing(**changed: str) -> dict[str, str]:
    return {column.name: column.type for column in REJECTED.columns} | changed


def table(name: str, type_name: str) -> Table:
    return Table(ItemRejected, (Column(name, type_name, str),))


def test_every_event_type_has_a_table_and_a_view_of_its_own() -> None:
    names = {name for one in tables().values() for name in (one.name, one.view)}
    assert len(names) == 2 * len(EVENT_CLASSES)


def test_table_names_are_a_promise() -> None:
    assert tables()[SearchServed].name == "search_served_log"
    assert tables()[SearchServed].view == "search_served"


def test_views_of_the_facts_and_views_for_people_do_not_collide() -> None:
    assert not {one.view for one in tables().values()} & set(VIEWS)


def test_rows_replace_each_other_by_event_id_alone() -> None:
    statement = create_table(REJECTED)
    assert "ENGINE = ReplacingMergeTree\nORDER BY event_id\n" in statement
    assert "PARTITION" not in statement


def test_people_read_without_repetitions() -> None:
    expected = "CREATE OR REPLACE VIEW item_rejected AS SELECT * FROM item_rejected_log FINAL"
    assert create_view(REJECTED) == expected


def test_the_views_for_people_never_read_the_repetitions() -> None:
    assert not [statement for statement in create_statements() if "_log\n" in statement or "_log " in statement]


def test_a_table_of_this_release_needs_nothing() -> None:
    assert alterations(REJECTED, existing()) == []


def test_a_missing_column_is_added() -> None:
    before = existing()
    del before["measured"]
    expected = "ALTER TABLE item_rejected_log ADD COLUMN IF NOT EXISTS `measured` Nullable(String)"
    assert alterations(REJECTED, before) == [expected]


def test_a_column_whose_field_vanished_stays() -> None:
    assert alterations(REJECTED, existing(forgotten="String")) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("String", "Nullable(String)"),
        ("DateTime64(6, 'UTC')", "Nullable(DateTime64(6, 'UTC'))"),
        ("LowCardinality(String)", "LowCardinality(Nullable(String))"),
        ("Array(Float64)", "Array(Nullable(Float64))"),
    ],
)
def test_a_field_that_became_optional_widens_its_column(before: str, after: str) -> None:
    assert alterations(table("x", after), {"x": before}) == [f"ALTER TABLE item_rejected_log MODIFY COLUMN `x` {after}"]
    assert alterations(table("x", before), {"x": after}) == []


def test_a_changed_type_is_refused_with_the_way_out() -> None:
    with pytest.raises(Misconfigured, match=r"column version of item_rejected_log is String .*RENAME TABLE"):
        alterations(REJECTED, existing(version="String"))
