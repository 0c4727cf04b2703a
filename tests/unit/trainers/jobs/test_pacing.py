"""When a trainer waits, as a table."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from models.registry.records import Model, ModelKind, RolloutState
from models.registry.registry import Registry
from models.registry.standing import Standing, standing
from schemas.training import ModelEvaluated
from tests.contract.clocks import HandClock
from tests.contract.registry import request, rollout
from trainers.jobs.pacing import HANDED_ON_MS, candidate_on_its_way, what_jobs_wait_for

LIVE = "live-model"
HANDED_ON_S = HANDED_ON_MS / 1000


class House:
    """A registry, and whether training waits for what is in it."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.registry = Registry(open_engine(MetadataConfig(url="sqlite://")), self.clock)
        self.registry.create_tables()

    @property
    def waits(self) -> bool:
        now: Standing = standing(self.registry, LIVE)
        return bool(candidate_on_its_way(self.registry, now.rollout, now.model_version, int(self.clock.now * 1000)))

    def waiting(self) -> Mapping[str, str]:
        return what_jobs_wait_for(self.registry, int(self.clock.now * 1000))

    def ask(self, name: str, priority: int = 0) -> None:
        self.registry.jobs.submit(request(name, priority=priority))
        self.clock.now += 1

    def train(self, version: str = "m-1") -> None:
        self.registry.jobs.submit(request(f"of-{version}"))
        lease = self.registry.jobs.claim("w", 60)
        assert lease is not None
        self.registry.jobs.finish(lease, Model(version, ModelKind.ENCODER, version))

    def judge(self, version: str = "m-1", **said: Any) -> None:
        known = {"metrics": (), "passed": True, "reasons": (), "seed": 1, "live_version": LIVE}
        verdict = ModelEvaluated(model_version=version, **(known | said))
        self.registry.evaluations.ask(str(verdict.event_id), version, "{}")
        self.registry.evaluations.finish(str(verdict.event_id), verdict)

    def roll_out(self, state: RolloutState, version: str = "m-1") -> None:
        begun = rollout(model_version=version, encoder_version=version)
        assert self.registry.rollouts.begin(begun)
        assert self.registry.rollouts.change(replace(begun, state=state))


@pytest.fixture
def house() -> House:
    return House()


def test_where_nothing_is_on_its_way_training_begins(house: House) -> None:
    assert not house.waits


def test_a_job_that_waits_or_failed_holds_up_nobody(house: House) -> None:
    house.registry.jobs.submit(request("failed"))
    lease = house.registry.jobs.claim("w", 60)
    assert lease is not None
    house.registry.jobs.fail(lease, "no")
    house.registry.jobs.submit(request("waits"))
    assert not house.waits


@pytest.mark.parametrize(
    ("state", "waits"),
    [
        (RolloutState.PREPARING, True),
        (RolloutState.BACKFILLING, True),
        (RolloutState.VERIFYING, True),
        (RolloutState.CANARY, True),
        (RolloutState.WATCHING, False),
        (RolloutState.DONE, False),
        (RolloutState.ABORTED, False),
        (RolloutState.ROLLED_BACK, False),
    ],
)
def test_training_waits_for_a_rollout_until_the_candidate_serves_or_was_given_up(
    house: House, state: RolloutState, waits: bool
) -> None:
    house.roll_out(state)
    assert house.waits == waits


def test_training_waits_for_a_model_that_is_about_to_be_judged(house: House) -> None:
    house.train()
    assert house.waits


def test_a_model_that_nobody_judges_holds_up_training_for_a_while_only(house: House) -> None:
    house.train()
    house.clock.now += HANDED_ON_S
    assert house.waits
    house.clock.now += 0.001
    assert not house.waits


def test_training_waits_as_long_as_a_model_is_being_judged(house: House) -> None:
    house.registry.evaluations.ask("e-1", "m-1", "{}")
    house.clock.now += 100 * HANDED_ON_S
    assert house.waits


def test_a_judgement_that_failed_holds_up_nobody(house: House) -> None:
    house.train()
    house.registry.evaluations.ask("e-1", "m-1", "{}")
    house.registry.evaluations.fail("e-1", "its files are damaged")
    assert not house.waits


@pytest.mark.parametrize(
    ("said", "waits"),
    [
        ({}, True),
        ({"passed": False, "reasons": ("worse",)}, False),
        ({"needs_approval": True}, False),
        ({"live_version": "an-older-one"}, False),
    ],
)
def test_training_waits_for_a_candidate_that_will_be_rolled_out_in_a_moment(
    house: House, said: dict[str, Any], waits: bool
) -> None:
    house.train()
    house.judge(**said)
    assert house.waits == waits


def test_a_candidate_whose_rollout_never_begins_holds_up_training_for_a_while_only(house: House) -> None:
    house.train()
    house.judge()
    house.clock.now += HANDED_ON_S + 0.001
    assert not house.waits


@pytest.mark.parametrize("state", [RolloutState.WATCHING, RolloutState.ABORTED, RolloutState.ROLLED_BACK])
def test_a_candidate_that_was_tried_is_not_waited_for_again(house: House, state: RolloutState) -> None:
    house.train()
    house.judge()
    house.roll_out(state)
    assert not house.waits


class TestTelling:
    """What a person reads who asks why nothing happens."""

    def test_a_job_that_nobody_holds_up_waits_for_a_trainer(self, house: House) -> None:
        house.ask("a")
        assert "process training runs" in house.waiting()["a"]

    def test_jobs_wait_for_the_rollout_that_is_under_way(self, house: House) -> None:
        house.ask("a")
        house.roll_out(RolloutState.CANARY)
        assert house.waiting() == {"a": "the rollout of m-1 (canary)"}

    def test_jobs_wait_for_the_gate(self, house: House) -> None:
        house.train()
        house.ask("a")
        assert house.waiting()["a"] == "the gate, which is to judge m-1 in a moment"
        house.registry.evaluations.ask("e-1", "m-1", "{}")
        assert house.waiting()["a"] == "the gate, which judges m-1"

    def test_before_the_first_release_a_verdict_is_waited_for_too(self, house: House) -> None:
        house.ask("a")
        house.judge()
        assert house.waiting()["a"] == "the rollout of m-1, which begins in a moment"

    def test_a_job_waits_for_the_one_that_runs_and_that_waits_for_nothing(self, house: House) -> None:
        for name in ("a", "b"):
            house.ask(name)
        assert house.registry.jobs.claim("w", 60) is not None
        assert house.waiting() == {"b": "job a, which is being trained"}

    def test_of_several_the_most_urgent_goes_first(self, house: House) -> None:
        for name, priority in (("a", 0), ("b", 0), ("c", 5)):
            house.ask(name, priority)
        told = house.waiting()
        assert list(told) == ["c", "a", "b"]
        assert (told["a"], told["b"]) == ("job c, which goes first", "job c, which goes first")

    def test_a_job_whose_trainer_is_gone_says_so(self, house: House) -> None:
        house.ask("a")
        assert house.registry.jobs.claim("desk/17", 60) is not None
        assert house.waiting() == {}
        house.clock.now += 61
        assert "nothing was heard of desk/17" in house.waiting()["a"]
