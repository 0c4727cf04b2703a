"""A model takes over while people search and items change: no answer fails or mixes, nothing is lost or comes back.

Each rule that this rests on is then broken in turn, and the run must turn red.
"""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from models.registry.records import RolloutState
from models.vector_index.port import Entry
from tests.faults.switching import NEW, OLD, ROLLOUT, Installation, ended, state
from trainers.rollout import conductor, steps
from trainers.rollout.beginning import Wish
from trainers.rollout.going_back import roll_back
from trainers.rollout.guardrails.sequential import Evidence

ITEMS = 300
LONG_CANARY = ROLLOUT.model_copy(update={"canary_s": 4})
"""So that a change in it is embedded and indexed before the switch."""
CHANGES = {"a new version": lambda items: items.publish("item-0"), "the end": lambda items: items.withdraw("item-0")}
"""What happens to an item, by its name."""


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path) as installation:
        yield installation


def switched(running: Installation) -> None:
    """Items are there and searched; then the new model takes over while they change all the time."""
    for number in range(ITEMS):
        running.items.publish(f"item-{number}")
    running.wait_for(running.settled)
    running.release()
    numbers = count()
    running.wait_for(ended(running), lambda: running.items.change(next(numbers)))
    running.wait_for(running.settled)


def changed_in_the_canary(running: Installation, what: str) -> None:
    """One item changes while both spaces serve, and nothing changes after it that could hide what became of it."""
    for number in range(ITEMS):
        running.items.publish(f"item-{number}")
    running.wait_for(running.settled)
    running.release()
    running.wait_for(lambda: state(running) is RolloutState.CANARY)
    CHANGES[what](running.items)
    running.wait_for(running.settled)
    assert state(running) is RolloutState.CANARY, "the machine is too slow to tell: the change came too late"
    running.wait_for(ended(running))


def lost_or_back(running: Installation) -> dict[str, tuple[int | None, int | None]]:
    """Where the live space is not what was published: what it holds and what it should, by item."""
    encoder = NEW if running.watch.fresh().encoder_version == NEW.version else OLD
    held, wanted = running.held(encoder), running.items.newest
    return {one: (held.get(one), wanted[one]) for one in wanted if held.get(one) != wanted[one]}


def test_people_notice_nothing_of_a_switch_and_no_item_is_lost_or_comes_back(running: Installation) -> None:
    switched(running)
    assert (state(running), running.rollout().reason) == (RolloutState.DONE, "")
    assert running.wrong == []
    assert lost_or_back(running) == {}
    assert running.seen["answered"] > 200
    assert min(running.arms[arm] for arm in ("live", "candidate", "previous")) > 0


def test_a_model_that_goes_back_leaves_the_space_before_it_whole(running: Installation) -> None:
    for number in range(ITEMS):
        running.items.publish(f"item-{number}")
    running.wait_for(running.settled)
    running.release()
    numbers = count()
    running.wait_for(lambda: state(running) is RolloutState.WATCHING, lambda: running.items.change(next(numbers)))
    roll_back(running.registry, running.watch, running.config, Wish(reason="to see whether it can"))
    running.wait_for(ended(running), lambda: running.items.change(next(numbers)))
    running.wait_for(running.settled)
    assert state(running) is RolloutState.ROLLED_BACK
    assert running.wrong == []
    assert lost_or_back(running) == {}


def test_a_model_that_breaks_after_the_switch_goes_back_by_itself_and_no_search_fails(tmp_path: Path) -> None:
    with Installation(tmp_path, ROLLOUT.model_copy(update={"watch_s": 25})) as running:
        for number in range(ITEMS):
            running.items.publish(f"item-{number}")
        running.wait_for(running.settled)
        running.release()
        running.wait_for(lambda: state(running) is RolloutState.WATCHING)
        running.broken.set()
        running.wait_for(ended(running))
        assert state(running) is RolloutState.ROLLED_BACK
        assert running.rollout().reason.startswith("failed searches")
        assert running.watch.fresh().model_version == OLD.version
        assert running.wrong == []


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_in_the_canary_is_in_the_space_that_serves_after_it(tmp_path: Path, what: str) -> None:
    with Installation(tmp_path, LONG_CANARY) as running:
        changed_in_the_canary(running, what)
        assert state(running) is RolloutState.DONE
        assert lost_or_back(running) == {}


# Sabotage


@pytest.fixture
def unproven(monkeypatch: pytest.MonkeyPatch) -> None:
    """The spaces are not compared before the switch, and nothing that searches show sends the model back."""
    monkeypatch.setattr(conductor.Conductor, "_compared", lambda self, rollout: "")
    monkeypatch.setattr(Evidence, "speaks", lambda *_: False)


@pytest.fixture
def unfilled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Older items count as embedded anew at once."""
    monkeypatch.setattr(conductor, "backfilled", lambda rollout: steps.Backfilled(complete=True))


@pytest.fixture
def one_space(monkeypatch: pytest.MonkeyPatch) -> None:
    """New items are written in the live space alone."""
    monkeypatch.setattr("consumers.embedding.spaces.WrittenSpaces._if_sound", lambda *_: None)


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    """Withdrawals reach the old space alone."""

    def goes_to(entry: Entry, model_version: str) -> bool:
        return model_version == (OLD.version if entry.content is None else entry.content.model_version)

    monkeypatch.setattr("models.vector_index.spaces.index._goes_to", goes_to)


@pytest.mark.usefixtures("unproven", "unfilled")
def test_sabotage_without_older_items_they_are_lost(running: Installation) -> None:
    switched(running)
    assert lost_or_back(running)


@pytest.mark.usefixtures("unproven", "one_space")
def test_sabotage_without_writing_both_spaces_changes_are_lost(tmp_path: Path) -> None:
    with Installation(tmp_path, LONG_CANARY) as running:
        changed_in_the_canary(running, "a new version")
        assert list(lost_or_back(running)) == ["item-0"]


@pytest.mark.usefixtures("one_space")
def test_the_comparison_keeps_an_incomplete_space_from_serving(running: Installation) -> None:
    switched(running)
    assert state(running) is RolloutState.ABORTED
    assert running.rollout().reason.startswith("the spaces differ")
    assert running.wrong == []
    assert lost_or_back(running) == {}


@pytest.mark.usefixtures("unproven", "deaf")
def test_sabotage_without_withdrawals_in_both_spaces_items_come_back(tmp_path: Path) -> None:
    with Installation(tmp_path, LONG_CANARY) as running:
        changed_in_the_canary(running, "the end")
        [(held, wanted)] = lost_or_back(running).values()
        assert held is not None
        assert wanted is None


def test_sabotage_without_one_encoder_for_question_and_space_answers_are_mixed(running: Installation) -> None:
    for number in range(ITEMS):
        running.items.publish(f"item-{number}")
    running.wait_for(running.settled)
    running.confuse()
    running.wait_for(lambda: running.seen["mixed"] > 0)
