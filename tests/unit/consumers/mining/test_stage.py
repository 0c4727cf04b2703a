from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest

from consumers.mining.stage import mining_stage
from schemas.event import Event
from schemas.signals import ClickRateMeasured, HardNegativeMined, QueryFailed
from streams.errors import Unavailable
from streams.record import Origin
from streams.stage import Incoming
from tests.contract.mined_store import at, failed, negative


@dataclass
class Kept:
    facts: list[Event] = field(default_factory=list)
    down: bool = False

    def keep(self, queries: Iterable[QueryFailed], negatives: Iterable[HardNegativeMined]) -> None:
        if self.down:
            raise Unavailable("no database")
        self.facts += [*queries, *negatives]


def incoming(*facts: Event) -> list[Incoming]:
    return [Incoming(fact, Origin("signals", 0, place)) for place, fact in enumerate(facts)]


def rate() -> ClickRateMeasured:
    said = {"model_version": "m", "policy": "p", "searches": 1, "clicked": 0}
    return ClickRateMeasured(window_start=at(0), window_s=60, revision=1, **said)


def test_examples_are_kept_and_other_measurements_are_done_with() -> None:
    kept = Kept()
    query, pair = failed(), negative(1)
    assert mining_stage(kept).outcomes(incoming(rate(), query, pair)) == [(), (), ()]
    assert kept.facts == [query, pair]


def test_a_database_that_is_down_is_waited_for() -> None:
    with pytest.raises(Unavailable):
        mining_stage(Kept(down=True)).outcomes(incoming(failed()))
