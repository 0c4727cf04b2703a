import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.registry.errors import LeaseLost
from models.registry.records import Progress
from tests.contract.clocks import HandClock
from tests.unit.trainers.jobs.bench import LEASE_S, Bench, until, wall_clock
from trainers.jobs import worker
from trainers.jobs.worker import Heartbeat


@pytest.fixture
def clock() -> HandClock:
    return wall_clock()


@pytest.fixture
def bench(tmp_path: Path, clock: HandClock) -> Iterator[Bench]:
    bench = Bench(tmp_path, clock, heartbeat_s=0.02)
    bench.ask()
    yield bench
    bench.engine.dispose()


def training(step: int, steps: int = 100, loss: float = 0.5) -> Progress:
    return Progress("training", step, steps, loss, 10.0)


def steps_told(bench: Bench) -> list[int]:
    return [fact.step for fact in bench.progressed()]


def test_of_many_steps_in_a_moment_one_is_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "TELL_EVERY_S", 1000.0)
    with Heartbeat(bench.work, bench.claimed()) as heartbeat:
        for step in range(1, 50):
            heartbeat.tell(training(step))
    assert steps_told(bench) == [1]


def test_after_a_while_the_next_step_is_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "TELL_EVERY_S", 0.0)
    with Heartbeat(bench.work, bench.claimed()) as heartbeat:
        for step in range(1, 4):
            heartbeat.tell(training(step))
    assert steps_told(bench) == [1, 2, 3]


def test_a_new_phase_and_the_last_step_are_told_at_once_and_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "TELL_EVERY_S", 1000.0)
    with Heartbeat(bench.work, bench.claimed()) as heartbeat:
        for progress in (Progress("data"), Progress("data"), training(0), training(7), training(100), training(100)):
            heartbeat.tell(progress)
    assert [(fact.phase, fact.step) for fact in bench.progressed()] == [
        ("data", 0),
        ("training", 0),
        ("training", 100),
    ]


def test_a_loss_that_is_no_number_is_kept_but_no_fact(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "TELL_EVERY_S", 0.0)
    with Heartbeat(bench.work, bench.claimed()) as heartbeat:
        for loss in (0.5, math.nan, math.inf, 0.25):
            heartbeat.tell(training(3, loss=loss))
            assert math.isfinite(bench.job().progress.loss) == math.isfinite(loss)
    assert [fact.loss for fact in bench.progressed()] == [0.5, 0.25]


def test_a_job_is_gone_on_with_whatever_its_loss_was(bench: Bench) -> None:
    first = bench.claimed()
    bench.registry.jobs.progress(first, training(3, loss=math.nan), LEASE_S)
    bench.registry.jobs.release(first)
    with Heartbeat(bench.work, bench.claimed()) as heartbeat:
        heartbeat.tell(training(4))
    assert steps_told(bench) == [4]


def test_what_two_leases_tell_are_different_facts(bench: Bench) -> None:
    for _ in range(2):
        lease = bench.claimed()
        with Heartbeat(bench.work, lease) as heartbeat:
            heartbeat.tell(training(1))
        bench.registry.jobs.release(lease)
    assert len({fact.event_id for fact in bench.progressed()}) == 2


def test_a_lease_is_renewed_though_there_is_nothing_to_tell(bench: Bench, clock: HandClock) -> None:
    with Heartbeat(bench.work, bench.claimed()):
        for _ in range(3):
            clock.now += 0.9 * LEASE_S
            until(lambda: bench.job().lease_until_ms > (clock.now + 0.5 * LEASE_S) * 1000, "a renewal")
            assert bench.registry.jobs.claim("another", LEASE_S) is None
    assert bench.told() == []


def test_who_lost_the_lease_hears_of_it_by_the_next_beat(bench: Bench, clock: HandClock) -> None:
    lease = bench.claimed()
    clock.now += LEASE_S
    bench.claimed("another")
    with Heartbeat(bench.work, lease) as heartbeat:
        until(lambda: heartbeat.lost is not None, "word of the loss")
        with pytest.raises(LeaseLost):
            heartbeat.tell(training(1))
        with pytest.raises(LeaseLost):
            heartbeat.check()
    assert bench.told() == []


def test_who_is_to_be_cancelled_hears_of_it_by_the_next_beat(bench: Bench) -> None:
    with Heartbeat(bench.work, bench.claimed()) as heartbeat:
        assert not heartbeat.cancelled
        bench.registry.jobs.cancel("job-1")
        until(lambda: heartbeat.cancelled, "word of it")


def test_a_database_that_is_away_for_a_moment_ends_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "TELL_EVERY_S", 0.0)
    bench = Bench(tmp_path / "busy", wall_clock(), busy_timeout_s=0.05)
    bench.ask()
    with Heartbeat(bench.work, bench.claimed()) as heartbeat:
        with bench.engine.begin():  # somebody holds the lock for writing
            heartbeat.tell(training(1))
        heartbeat.tell(training(2))
    assert steps_told(bench) == [2]
    bench.engine.dispose()
