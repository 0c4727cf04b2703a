"""A stage that must be alone: beside another member of its group it decides nothing, and loses nothing by it."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from schemas.event import Event
from streams.health import State
from streams.memory import MemoryConsumer
from streams.runner import Stopping
from streams.stage import Incoming, Outcome
from tests.unit.streams.test_runner import RAW_TOPIC, Bench, batch_stage, rejected


class Alone:
    """A bench of such a stage, and another member that comes and goes."""

    def __init__(self, alone: bool = True) -> None:
        self.ticks = 0
        self.reasons: list[str] = []
        self.bench = Bench(replace(batch_stage(self._handle), alone=alone, tick=self._tick))
        self._poll = self.bench.consumer.poll
        self.bench.consumer.poll = self._looked  # type: ignore[method-assign]

    def joined_by_another(self) -> MemoryConsumer:
        other = MemoryConsumer(self.bench.log, "t.s", [RAW_TOPIC])
        self.bench.runner.stop()  # at the first wait
        return other

    def _handle(self, batch: Sequence[Incoming]) -> list[Outcome]:
        return [[rejected(incoming)] for incoming in batch]

    def _tick(self) -> Sequence[Event]:
        self.ticks += 1
        return ()

    def _looked(self, max_records: int, timeout_s: float) -> list[object]:
        report = self.bench.runner.health.report
        if report.state is State.WAITING:
            self.reasons.append(report.reason)
        return list(self._poll(max_records, timeout_s))


def test_beside_another_member_it_decides_nothing_and_says_why() -> None:
    world = Alone()
    world.bench.publish("a", "b", "c", "d")
    world.joined_by_another()
    with pytest.raises(Stopping):
        world.bench.runner.run_once()
    assert (world.bench.answered(), world.bench.committed, world.ticks) == ([], 0, 0)
    assert world.bench.runner.health.report.reason == "not all partitions are ours: only one worker may run s"


def test_once_it_is_alone_it_goes_on_with_everything() -> None:
    world = Alone()
    world.bench.publish("a", "b", "c", "d")
    other = MemoryConsumer(world.bench.log, "t.s", [RAW_TOPIC])
    waits = world.bench.clock.sleep

    def left(max_records: int, timeout_s: float) -> list[object]:
        other.close()
        return world._looked(max_records, timeout_s)

    world.bench.consumer.poll = left  # type: ignore[method-assign,assignment]
    for _ in range(3):
        world.bench.runner.run_once()
        waits(1.1)
    assert world.bench.answered() == ["a", "b", "c", "d"]
    assert world.bench.committed == 4


def test_a_member_that_loses_its_partitions_while_a_batch_is_in_hand_does_not_decide_it() -> None:
    world = Alone()
    world.bench.runner.run_once()
    world.bench.publish("a", "b", "c", "d")
    poll = world.bench.consumer.poll

    def joined_after(max_records: int, timeout_s: float) -> list[object]:
        found = list(poll(max_records, timeout_s))
        if found:
            world.joined_by_another()
        return found

    world.bench.consumer.poll = joined_after  # type: ignore[method-assign,assignment]
    with pytest.raises(Stopping):
        world.bench.runner.run_once()
    assert (world.bench.answered(), world.bench.committed) == ([], 0)


def test_other_stages_share_their_partitions_as_ever() -> None:
    world = Alone(alone=False)
    world.bench.publish("a", "b", "c", "d")
    MemoryConsumer(world.bench.log, "t.s", [RAW_TOPIC])
    world.bench.runner.run_once()
    assert world.ticks == 1
    assert 0 < len(world.bench.answered()) < 4
