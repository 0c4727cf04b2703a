import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from models.registry.records import RolloutState
from models.registry.registry import Registry
from models.registry.standing import Standing, Watch
from schemas.training import ReleaseKind
from streams.errors import Unavailable
from tests.contract.clocks import HandClock
from tests.contract.registry import rollout

BEFORE = (RolloutState.PREPARING, RolloutState.BACKFILLING, RolloutState.VERIFYING, RolloutState.CANARY)
ENDS = (RolloutState.DONE, RolloutState.ABORTED, RolloutState.ROLLED_BACK)


def live(model: str, state: RolloutState, **fields: Any) -> Standing:
    return Standing(1, model, model, rollout(1, state=state, **fields))


def test_without_a_rollout_one_space_is_written() -> None:
    alone = Standing(0, "m-0", "m-0")
    assert (alone.written, alone.candidate, alone.previous) == (("m-0",), None, None)


@pytest.mark.parametrize("state", BEFORE)
def test_until_the_switch_the_candidates_space_is_written_too(state: RolloutState) -> None:
    found = live("m-0", state)
    assert (found.written, found.candidate, found.previous) == (("m-0", "m-1"), "m-1", None)


def test_while_it_is_watched_the_previous_space_is_written_too() -> None:
    found = live("m-1", RolloutState.WATCHING)
    assert (found.written, found.candidate, found.previous) == (("m-1", "m-0"), None, "m-0")


@pytest.mark.parametrize("state", ENDS)
def test_after_its_end_a_rollout_says_nothing(state: RolloutState) -> None:
    found = live("m-1", state)
    assert (found.written, found.candidate, found.previous) == (("m-1",), None, None)


@pytest.mark.parametrize("state", [*BEFORE, RolloutState.WATCHING])
def test_a_head_needs_no_space_of_its_own(state: RolloutState) -> None:
    found = Standing(1, "head", "m-0", rollout(1, model_version="head", encoder_version="m-0", state=state))
    assert (found.written, found.candidate, found.previous) == (("m-0",), None, None)


class Away:
    """Takes a database away and brings it back; counts questions."""

    def __init__(self, engine: Engine) -> None:
        self.away = False
        self.asked = 0
        event.listen(engine, "before_cursor_execute", self._before)

    def _before(self, connection: object, cursor: object, statement: str, *_: object) -> None:
        self.asked += statement.startswith("SELECT") or self.away
        if self.away:
            raise Unavailable("the metadata database does not answer")


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    registry = Registry(open_engine(MetadataConfig(url=f"sqlite:///{tmp_path / 'registry.sqlite'}")))
    registry.create_tables()
    return registry


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def database(registry: Registry) -> Away:
    return Away(registry.engine)


def test_within_the_refresh_the_database_is_not_asked_again(
    registry: Registry, clock: HandClock, database: Away
) -> None:
    watch = Watch(registry, "m-0", 0.25, clock)
    found = [watch.current() for _ in range(100)]
    assert (len(set(map(id, found))), database.asked) == (1, 1)


def test_after_the_refresh_a_release_is_seen(registry: Registry, clock: HandClock) -> None:
    watch = Watch(registry, "m-0", 0.25, clock)
    assert watch.current().generation == 0
    registry.rollouts.begin(rollout(1))
    registry.rollouts.switch(rollout(1), 0, ReleaseKind.RELEASE)
    assert watch.current().generation == 0
    clock.now += 0.25
    assert (watch.current().generation, watch.current().model_version) == (1, "m-1")


def test_who_cannot_wait_asks_now(registry: Registry, clock: HandClock) -> None:
    watch = Watch(registry, "m-0", 0.25, clock)
    watch.current()
    registry.rollouts.begin(rollout(1))
    begun = registry.rollouts.current()
    assert watch.fresh().rollout == begun
    assert watch.current().rollout == begun


def test_while_the_database_is_away_the_last_standing_holds_for_a_while(
    registry: Registry, clock: HandClock, database: Away
) -> None:
    watch = Watch(registry, "m-0", 0.25, clock)
    watch.current()
    database.away = True
    clock.now += 4.9
    assert watch.current().model_version == "m-0"
    with pytest.raises(Unavailable):
        watch.fresh()
    clock.now += 0.2
    with pytest.raises(Unavailable):
        watch.current()


def test_who_writes_goes_by_it_for_a_shorter_while(registry: Registry, clock: HandClock, database: Away) -> None:
    watch = Watch(registry, "m-0", 0.25, clock)
    watch.current(stale_s=1)
    database.away = True
    clock.now += 0.9
    assert watch.current(stale_s=1).model_version == "m-0"
    clock.now += 0.2
    with pytest.raises(Unavailable):
        watch.current(stale_s=1)
    assert watch.current().model_version == "m-0"


def test_a_database_that_is_away_is_not_asked_by_every_search(
    registry: Registry, clock: HandClock, database: Away
) -> None:
    watch = Watch(registry, "m-0", 0.25, clock)
    watch.current()
    clock.now += 1
    database.away, database.asked = True, 0
    for _ in range(100):
        watch.current()
    assert database.asked == 1


def test_a_crowd_with_nothing_to_go_by_does_not_wait_for_a_dead_database_one_by_one(
    registry: Registry, clock: HandClock, database: Away
) -> None:
    watch = Watch(registry, "m-0", 0.25, clock)
    database.away = True
    for _ in range(100):
        with pytest.raises(Unavailable):
            watch.current()
    assert database.asked == 1


def test_a_database_that_is_back_is_believed_again(registry: Registry, clock: HandClock, database: Away) -> None:
    watch = Watch(registry, "m-0", 0.25, clock)
    database.away = True
    with pytest.raises(Unavailable):
        watch.current()
    database.away = False
    clock.now += 0.25
    assert watch.current().model_version == "m-0"


def test_while_one_thread_asks_the_others_go_by_what_was_found_last(registry: Registry, clock: HandClock) -> None:
    watch = Watch(registry, "m-0", 0.25, clock)
    watch.current()
    clock.now += 1
    asking, let_go = threading.Event(), threading.Event()

    def wait(*_: object) -> None:
        asking.set()
        let_go.wait(30)

    event.listen(registry.engine, "before_cursor_execute", wait)
    slow = threading.Thread(target=watch.current)
    slow.start()
    assert asking.wait(30)
    assert watch.current().model_version == "m-0"
    let_go.set()
    slow.join(30)
    assert not slow.is_alive()


def test_a_thread_that_has_nothing_to_go_by_waits_for_the_one_that_asks(registry: Registry, clock: HandClock) -> None:
    watch = Watch(registry, "m-0", 0.25, clock)
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(watch.current().model_version)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == ["m-0"] * 8


def test_a_database_that_does_not_even_refuse_holds_up_one_asker_and_no_crowd(registry: Registry) -> None:
    asked, answers = threading.Event(), threading.Event()

    def silent(*_: object) -> None:
        asked.set()
        answers.wait(30)

    watch = Watch(registry, "m-0", 0.25, stale_s=0.3)
    event.listen(registry.engine, "before_cursor_execute", silent)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(watch.current)
        try:
            assert asked.wait(30)
            for ask in (watch.current, watch.fresh):
                with pytest.raises(Unavailable, match="has not answered"):
                    pool.submit(ask).result(10)
        finally:
            answers.set()
        assert first.result(30).model_version == "m-0"
