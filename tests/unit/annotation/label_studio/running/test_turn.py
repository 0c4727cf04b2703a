"""One at a time; on SQLite nobody competes."""

from annotation.label_studio.running.turn import Turn
from tests.unit.annotation.label_studio.bridge_builders import database


def test_on_sqlite_it_is_always_our_turn() -> None:
    turn = Turn(database(), "exporter")
    assert turn.mine()
    turn.end()
    assert turn.mine()
