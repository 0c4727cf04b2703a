"""What a label costs does not depend on how many tasks there are. Counted, not timed."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import event

from annotation.label_studio.client.label_studio import LabelStudio
from annotation.label_studio.client.rows import TaskRow
from tests.integration.annotation.bridge.house import House

LABELS = 10


class Counted(LabelStudio):
    """The real client; counts calls and the rows that they read."""

    calls = 0
    rows = 0

    def tasks_updated_since(self, project: int, moment: datetime, page: int = 1, page_size: int = 200) -> list[TaskRow]:
        found = super().tasks_updated_since(project, moment, page, page_size)
        self.calls, self.rows = self.calls + 1, self.rows + len(found)
        return found


def cost_of_labels(house: House, names: Sequence[str]) -> tuple[int, int, int]:
    """Calls, rows read and SQL statements for some new answers, and for a second look at them."""
    statements: list[str] = []
    counted = house.through
    assert isinstance(counted, Counted)
    house.take_in()
    house.take_in()
    counted.calls = counted.rows = 0
    for name in names:
        house.answer(name)
    event.listen(house.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    house.take_in()
    assert len(house.facts()) == len(names)
    return counted.calls, counted.rows, len(statements)


def test_a_label_costs_the_same_in_a_small_and_in_a_large_project(
    client: LabelStudio, label_studio: tuple[str, str], tmp_path: Path
) -> None:
    costs = []
    for size in (50, 1_000):
        folder = tmp_path / str(size)
        folder.mkdir()
        with Counted(*label_studio) as counted:
            house = House(client, folder, through=counted, open_limit=size, batch=1000)
            names = [f"i{n}" for n in range(size)]
            house.ask(*names)
            costs.append(cost_of_labels(house, names[:: size // LABELS][:LABELS]))
    assert costs[0] == costs[1]
    assert costs[0][1] <= LABELS + 1


@pytest.fixture
def quiet(client: LabelStudio, label_studio: tuple[str, str], tmp_path: Path) -> House:
    return House(client, tmp_path, through=Counted(*label_studio))


def test_when_nothing_changes_a_poll_reads_next_to_nothing(quiet: House) -> None:
    quiet.ask(*(f"i{n}" for n in range(40)))
    quiet.take_in()
    quiet.take_in()
    assert isinstance(quiet.through, Counted)
    quiet.through.rows = 0
    quiet.take_in()
    assert quiet.through.rows <= 1
    quiet.through.close()
