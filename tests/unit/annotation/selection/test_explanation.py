from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from annotation.selection.config import Quota, SelectionConfig, Trait
from annotation.selection.explanation import Explanation, explain, pools_of, standing
from annotation.selection.stage import Selection
from annotation.selection.store.tables import metadata
from annotation.tasks import TaskConfig
from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from schemas.annotations import AnnotationRequested, Arm
from tests.unit.annotation.selection.scores import TASK, StoppedClock, answered, batch, scored

TASKS = [TaskConfig(name=TASK, labels=("boat", "car"))]
CONFIG = SelectionConfig(batch=5, open_limit=5, random_share=0.2, min_pool=5, settle_s=1)


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = open_engine(MetadataConfig(url="sqlite://"))
    metadata.create_all(engine)
    yield engine
    engine.dispose()


def explained(engine: Engine, item_id: str, clock: StoppedClock, config: SelectionConfig = CONFIG) -> Explanation:
    [pool] = pools_of(engine, TASKS, config)
    return explain(engine, pool, config, config.strategy, item_id, clock.now)


def asked(engine: Engine, clock: StoppedClock, config: SelectionConfig = CONFIG) -> list[AnnotationRequested]:
    selection = Selection(engine, TASKS, config, lambda *_: (), clock)
    selection.learn(batch(*[scored(f"{n}", language="de" if n % 2 else "en") for n in range(40)]))
    return [fact for fact in selection.ask() if isinstance(fact, AnnotationRequested)]


def test_an_item_that_was_asked_about_says_when_how_and_why(engine: Engine) -> None:
    clock = StoppedClock()
    fact = next(fact for fact in asked(engine, clock) if fact.arm is Arm.ACTIVE)
    told = explained(engine, fact.item_id, clock)
    assert told.outcome == "asked"
    assert "active arm by graph-herding" in told.because[0]
    assert fact.reason in told.because[0]
    assert told.because[0].endswith("open")


def test_an_item_that_waits_says_its_place_in_line(engine: Engine) -> None:
    clock = StoppedClock()
    gone = {fact.item_id for fact in asked(engine, clock)}
    [pool] = pools_of(engine, TASKS, CONFIG)
    waiting = sorted(pool.candidates.keys() - gone - pool.reserve)
    places = [explained(engine, item_id, clock).because[0] for item_id in waiting]
    numbers = sorted(int(place.rpartition(" ")[2]) for place in places)
    assert numbers == list(range(1, len(waiting) + 1))


def test_an_item_of_the_reserve_says_its_lot(engine: Engine) -> None:
    clock = StoppedClock()
    gone = {fact.item_id for fact in asked(engine, clock)}
    [pool] = pools_of(engine, TASKS, CONFIG)
    told = explained(engine, min(pool.reserve - gone, key=pool.number_of), clock)
    assert told.outcome == "waiting"
    assert "kept for the random arm" in told.because[0]
    assert "number 1 of" in told.because[0]


def test_what_hinders_an_item_is_named(engine: Engine) -> None:
    clock = StoppedClock()
    requests = asked(engine, clock)
    near = requests[0].item_id
    selection = Selection(engine, TASKS, CONFIG, lambda *_: (), clock)
    selection.learn(batch(scored("twin", near=[(near, 0.01)])))
    assert "near-duplicate of" in explained(engine, "twin", clock).because[0]
    poor = CONFIG.model_copy(update={"budget": 5})
    [pool] = pools_of(engine, TASKS, poor)
    free = sorted(pool.candidates.keys() - {fact.item_id for fact in requests} - pool.reserve - {"twin"})
    assert "budget of this period" in explained(engine, free[0], clock, poor).because[0]
    quota = Quota(trait=Trait.LANGUAGE, value="de", share=0.0001)
    german = next(item_id for item_id in free if int(item_id) % 2)
    strict = CONFIG.model_copy(update={"quotas": (quota,)})
    assert "quota" in explained(engine, german, clock, strict).because[0]


def test_an_item_that_nobody_scored_is_unknown(engine: Engine) -> None:
    clock = StoppedClock()
    asked(engine, clock)
    assert explained(engine, "never-heard-of", clock).outcome == "unknown"


def test_a_task_stands_as_its_ledger_says(engine: Engine) -> None:
    clock = StoppedClock()
    requests = asked(engine, clock)
    selection = Selection(engine, TASKS, CONFIG, lambda *_: (), clock)
    selection.learn(batch(answered(requests[0])))
    [pool] = pools_of(engine, TASKS, CONFIG)
    now = standing(engine, pool, CONFIG, ("margin", "why"), clock.now)
    assert (now.asked, now.open, now.budget_left) == (5, 4, CONFIG.budget - 5)
    assert (now.asked_at_random, now.candidates, now.fallback) == (1, 40, "why")
