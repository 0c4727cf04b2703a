"""The stage on a real database in memory: what it asks for, what it never asks for twice, what a crash changes."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import pytest
from sqlalchemy import Engine

from annotation.selection.config import Quota, SelectionConfig, Trait
from annotation.selection.stage import Selection
from annotation.selection.store.tables import metadata
from annotation.tasks import TaskConfig
from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from schemas.annotations import AnnotationRequested, Arm, ItemScored
from schemas.event import Event
from schemas.items import ItemWithdrawn
from tests.unit.annotation.selection.scores import (
    TASK,
    StoppedClock,
    answered,
    batch,
    scored,
    settled,
    unsettled,
)

TASKS = [TaskConfig(name=TASK, labels=("boat", "car"))]
CONFIG = SelectionConfig(batch=10, open_limit=20, budget=1000, random_share=0.2, min_pool=10, settle_s=1)
Make = Callable[..., Selection]


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = open_engine(MetadataConfig(url="sqlite://"))
    metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
def make(engine: Engine, clock: StoppedClock) -> Make:
    def make(config: SelectionConfig = CONFIG, behind: Sequence[str] = ()) -> Selection:
        return Selection(engine, TASKS, config, lambda *_: behind, clock)

    return make


def a_chain(count: int, unsure: float | None = None, apart: float = 0.5) -> list[ItemScored]:
    """Items in a row, each near the one before."""
    names = [f"item-{number:03}" for number in range(count)]
    first = [scored(names[0], unsure)]
    return first + [scored(own, unsure, [(before, apart)]) for before, own in pairwise(names)]


def requested(selection: Selection) -> list[AnnotationRequested]:
    return [fact for fact in selection.ask() if isinstance(fact, AnnotationRequested)]


def answer(selection: Selection, requests: Sequence[Event]) -> None:
    facts = [request for request in requests if isinstance(request, AnnotationRequested)]
    selection.learn(batch(*map(answered, facts), *map(settled, facts)))


def until_nothing_is_asked(selection: Selection, clock: StoppedClock) -> list[AnnotationRequested]:
    everything: list[AnnotationRequested] = []
    for _ in range(100):
        facts = requested(selection)
        if not facts:
            return everything
        everything += facts
        answer(selection, facts)
        clock.sleep(5)
    raise AssertionError("it asks for ever")


def test_a_round_asks_for_a_batch_and_carries_what_annotators_see(make: Make) -> None:
    selection = make()
    selection.learn(batch(*a_chain(40)))
    facts = requested(selection)
    assert len(facts) == 10
    assert {fact.arm for fact in facts} == {Arm.ACTIVE, Arm.RANDOM}
    assert all(fact.text == f"words of {fact.item_id}" and fact.reason for fact in facts)


def test_open_tasks_stay_below_the_limit(make: Make) -> None:
    selection = make()
    selection.learn(batch(*a_chain(100)))
    assert [len(requested(selection)) for _ in range(4)] == [10, 10, 0, 0]


def test_every_item_is_asked_about_once(make: Make, clock: StoppedClock) -> None:
    selection = make()
    selection.learn(batch(*a_chain(60)))
    asked = [fact.item_id for fact in until_nothing_is_asked(selection, clock)]
    assert len(asked) == len(set(asked)) == 60


def test_the_active_arm_leaves_the_reserve_alone(make: Make, clock: StoppedClock) -> None:
    selection = make()
    selection.learn(batch(*a_chain(60)))
    asked = until_nothing_is_asked(selection, clock)
    scores_changed = make(CONFIG.model_copy(update={"strategy": "random"}))
    reserve = {fact.item_id for fact in asked if fact.arm is Arm.RANDOM}
    assert reserve == {candidate for pool in scores_changed._memory.pools() for candidate in pool.reserve}


def test_scores_do_not_change_what_the_random_arm_takes(engine: Engine, make: Make, clock: StoppedClock) -> None:
    drawn = []
    for unsure in (0.1, 0.9):
        metadata.drop_all(engine)
        metadata.create_all(engine)
        selection = make()
        selection.learn(batch(*a_chain(100, unsure)))
        drawn.append([fact.item_id for fact in requested(selection) if fact.arm is Arm.RANDOM])
    assert drawn[0] == drawn[1] != []


def test_a_replay_of_everything_asks_for_nothing_new(make: Make, clock: StoppedClock) -> None:
    selection, scores = make(), a_chain(30)
    selection.learn(batch(*scores))
    asked = until_nothing_is_asked(selection, clock)
    selection.learn(batch(*scores, *map(answered, asked), *map(settled, asked)))
    clock.sleep(100)
    assert requested(selection) == []


def test_requests_that_may_not_have_reached_the_log_are_made_again_after_a_crash(make: Make) -> None:
    before = make()
    before.learn(batch(*a_chain(40)))
    lost = requested(before)
    after = make()
    assert {fact.event_id for fact in lost} <= {fact.event_id for fact in requested(after)}


def test_requests_that_reached_the_log_are_not_made_again(make: Make, clock: StoppedClock) -> None:
    before = make(CONFIG.model_copy(update={"open_limit": 10}))
    before.learn(batch(*a_chain(40)))
    assert requested(before)
    assert requested(before) == []
    assert requested(make(CONFIG.model_copy(update={"open_limit": 10}))) == []


def test_the_budget_of_a_period_is_never_exceeded_by_a_restart_or_a_replay(make: Make, clock: StoppedClock) -> None:
    config = CONFIG.model_copy(update={"budget": 13, "period_s": 1_000_000.0})
    scores = a_chain(60)
    asked: set[str] = set()
    for _ in range(4):
        selection = make(config)
        selection.learn(batch(*scores))
        asked |= {fact.item_id for fact in until_nothing_is_asked(selection, clock)}
    assert len(asked) == 13
    clock.sleep(1_000_000)
    assert len(requested(make(config))) == 10


def test_near_duplicates_are_one_question(make: Make, clock: StoppedClock) -> None:
    selection = make(CONFIG.model_copy(update={"random_share": 0.01}))
    selection.learn(batch(scored("a"), scored("b", near=[("a", 0.01)]), scored("c", near=[("a", 1.0), ("b", 1.0)])))
    clock.sleep(10)
    asked = {fact.item_id for fact in until_nothing_is_asked(selection, clock)}
    assert "c" in asked
    assert len(asked & {"a", "b"}) == 1


def test_where_everything_lies_close_only_what_is_closer_still_is_a_near_duplicate(
    make: Make, clock: StoppedClock
) -> None:
    """As vectors of an untrained tower do."""
    names = [f"{n:02}" for n in range(20)]
    facts = [scored(own, near=[(other, 0.02) for other in names[:at]]) for at, own in enumerate(names)]
    selection = make(CONFIG.model_copy(update={"random_share": 0.01}))
    selection.learn(batch(*facts, scored("twin", near=[("19", 0.001), *((other, 0.02) for other in names[:10])])))
    clock.sleep(10)
    asked = {fact.item_id for fact in until_nothing_is_asked(selection, clock)}
    assert len(asked) >= 18
    assert len(asked & {"19", "twin"}) == 1


def test_quotas_bind_the_active_arm(make: Make, clock: StoppedClock) -> None:
    quota = Quota(trait=Trait.LANGUAGE, value="de", share=0.005)
    selection = make(CONFIG.model_copy(update={"quotas": (quota,)}))
    selection.learn(batch(*[scored(f"{n}", language="de" if n % 2 else "en") for n in range(80)]))
    asked = until_nothing_is_asked(selection, clock)
    german = [fact for fact in asked if fact.language == "de" and fact.arm is Arm.ACTIVE]
    assert len(german) == 5


def test_a_skipped_item_comes_back_after_its_cool_down(make: Make, clock: StoppedClock) -> None:
    selection = make(CONFIG.model_copy(update={"cool_down_s": 3600.0}))
    selection.learn(batch(*[scored(f"{n}") for n in range(3)]))
    clock.sleep(10)
    asked = requested(selection)
    assert len(asked) == 3
    selection.learn(batch(*[answered(fact, skipped=True) for fact in asked]))
    clock.sleep(100)
    assert requested(selection) == []
    clock.sleep(3600)
    again = requested(selection)
    assert {fact.item_id for fact in again} == {fact.item_id for fact in asked}
    assert {fact.event_id for fact in again}.isdisjoint({fact.event_id for fact in asked})


def test_a_withdrawn_item_is_not_asked_about_and_frees_its_place(make: Make, clock: StoppedClock) -> None:
    selection = make()
    selection.learn(batch(*a_chain(40)))
    first, second = requested(selection), requested(selection)
    gone = [ItemWithdrawn(item_id=fact.item_id, version=2) for fact in (*first, *second)]
    selection.learn(batch(*gone))
    clock.sleep(100)
    later = {fact.item_id for fact in until_nothing_is_asked(selection, clock)}
    assert later
    assert later.isdisjoint({fact.item_id for fact in (*first, *second)})


def test_a_changed_item_may_be_asked_about_again(make: Make, clock: StoppedClock) -> None:
    selection = make()
    selection.learn(batch(scored("a")))
    clock.sleep(10)
    answer(selection, requested(selection))
    selection.learn(batch(scored("a", version=2)))
    clock.sleep(100)
    assert [fact.version for fact in requested(selection)] == [2]


def test_an_answer_taken_back_leaves_the_question_open(make: Make, clock: StoppedClock) -> None:
    selection = make(CONFIG.model_copy(update={"batch": 1, "open_limit": 1}))
    selection.learn(batch(scored("a"), scored("b")))
    clock.sleep(10)
    [fact] = requested(selection)
    answer(selection, [fact])
    selection.learn(batch(unsettled(fact, "withdrawn")))
    clock.sleep(100)
    assert requested(selection) == []


def test_unsure_items_are_asked_about_first(make: Make) -> None:
    selection = make(CONFIG.model_copy(update={"random_share": 0.01, "strategy": "margin"}))
    selection.learn(batch(*[scored(f"{n:02}", unsure=n / 40, head=1) for n in range(40)]))
    assert {fact.item_id for fact in requested(selection) if fact.arm is Arm.ACTIVE} <= {
        f"{n:02}" for n in range(28, 40)
    }


@pytest.mark.parametrize(("expected", "second"), [((("car", 1.0),), True), ((("boat", 0.6), ("car", 0.4)), False)])
def test_a_label_is_believed_less_about_a_neighbour_of_another_expected_class(
    make: Make, expected: tuple[tuple[str, float], ...], second: bool
) -> None:
    """Three items near a hub: the one that the head expects to differ from the hub is asked about next."""
    boat = (("boat", 0.6), ("car", 0.4))
    facts = [scored("hub", 0.5, predicted=boat, head=1)]
    facts += [scored(name, 0.5, [("hub", 0.3)], predicted=boat, head=1) for name in ("x", "y")]
    facts.append(scored("z", 0.5, [("hub", 0.3)], predicted=expected, head=1))
    selection = make(CONFIG.model_copy(update={"random_share": 1e-9, "batch": 2, "open_limit": 2, "min_pool": 1}))
    selection.learn(batch(*facts))
    first, then = (fact.item_id for fact in requested(selection))
    assert first == "hub"
    assert (then == "z") is second


@pytest.mark.parametrize(
    ("behind", "instead"), [(["graph-herding"], "margin"), (["graph-herding", "margin"], "random")]
)
def test_a_strategy_that_fell_behind_gives_way_and_says_so(make: Make, behind: list[str], instead: str) -> None:
    selection = make(behind=behind)
    selection.learn(batch(*[scored(f"{n}", unsure=0.5, head=1) for n in range(40)]))
    active = [fact for fact in requested(selection) if fact.arm is Arm.ACTIVE]
    assert {fact.strategy for fact in active} == {instead}
    assert all("graph-herding fell behind" in fact.reason for fact in active)


def test_a_new_encoder_begins_a_new_pool_and_late_scores_of_the_old_one_change_nothing(make: Make) -> None:
    selection = make(CONFIG.model_copy(update={"min_pool": 5}))
    selection.learn(batch(*[scored(f"{n}") for n in range(20)]))
    selection.learn(batch(*[scored(f"new-{n}", model="mini-2") for n in range(20)], scored("late")))
    assert {fact.model_version for fact in requested(selection)} == {"mini-2"}


def test_a_rollback_is_a_later_generation_of_a_model_that_was_left(make: Make) -> None:
    selection = make(CONFIG.model_copy(update={"min_pool": 5}))
    selection.learn(batch(*[scored(f"{n}") for n in range(20)]))
    selection.learn(batch(*[scored(f"{n}", model="mini-2", generation=1) for n in range(20)]))
    selection.learn(
        batch(*[scored(f"{n}", generation=2) for n in range(20)], scored("late", model="mini-2", generation=1))
    )
    assert {fact.model_version for fact in requested(selection)} == {"mini-1"}


def test_the_first_round_waits_while_scores_pour_in(make: Make, clock: StoppedClock) -> None:
    selection = make(CONFIG.model_copy(update={"min_pool": 100}))
    for number in range(5):
        selection.learn(batch(scored(f"{number}")))
        clock.sleep(0.5)
        assert requested(selection) == []
    clock.sleep(1)
    assert len(requested(selection)) == 5


def test_the_first_round_does_not_wait_for_ever(make: Make, clock: StoppedClock) -> None:
    selection = make(CONFIG.model_copy(update={"min_pool": 1000}))
    rounds = []
    for number in range(40):
        selection.learn(batch(scored(f"{number}")))
        clock.sleep(0.5)
        rounds.append(len(requested(selection)))
    assert sum(rounds) > 0


def test_a_share_of_the_items_gets_a_second_opinion_by_lot(engine: Engine, clock: StoppedClock) -> None:
    tasks = [TaskConfig(name=TASK, labels=("boat", "car"), second_opinions=0.5)]
    config = CONFIG.model_copy(update={"batch": 200, "open_limit": 200})
    selection = Selection(engine, tasks, config, lambda *_: (), clock)
    selection.learn(batch(*[scored(f"{n}") for n in range(200)]))
    wanted = [fact.annotators for fact in requested(selection)]
    assert set(wanted) == {1, 2}
    assert 0.35 < wanted.count(2) / len(wanted) < 0.65
