"""Everything is killed while everything is published; afterwards nothing is lost, doubled, resurrected or stale."""

from collections import Counter
from collections.abc import Callable

import pytest

from tests.faults.chaos import Chaos
from tests.faults.failpoints import Point
from tests.faults.ledger import Ledger
from tests.faults.mill import Mill
from tests.faults.observe import observed, raw_log, sample_of
from tests.faults.plan import plan
from tests.faults.verdict import verdict


def judged(chaos: Chaos) -> list[str]:
    """Runs it, and what its ledger says to what is found afterwards."""
    chaos.run()
    mill, ledger = chaos.mill, chaos.ledger
    expected = ledger.expected(raw_log(mill.broker.bootstrap, mill.prefix))
    sample = sample_of(ledger, expected, 200)
    found = observed(mill.broker.bootstrap, mill.prefix, mill.data_dir, sample, recording="recording" in mill.stages)
    chaos.say(
        f"{len(ledger.acknowledged)} records acknowledged, {len(expected.live)} items live, {len(expected.gone)} gone, "
        f"{len(expected.dead)} dead letters, {len(expected.parked)} parked, {len(found.points)} points, "
        f"{chaos.killed} kills\n{chaos.summary()}"
    )
    return verdict(expected, found)


def chaos_of(mill: Mill, items: int, deaths: dict[str, int], records_per_s: float, seed: int, limit_s: float) -> Chaos:
    operations = plan(seed, items)
    return Chaos(
        mill, Ledger.of(operations, mill.folder / "ledger.jsonl"), operations, deaths, records_per_s, seed, limit_s
    )


@pytest.mark.timeout(300)
def test_a_minute_of_kills_loses_doubles_and_revives_nothing(mill: Callable[..., Mill]) -> None:
    deaths = {"curation": 5, "embedding": 5, "indexing": 5, "broker": 1}
    chaos = chaos_of(mill(), 2_000, deaths, 120, 7, 200)
    assert judged(chaos) == []
    assert chaos.killed >= 12
    points = sum(chaos.kills.values(), Counter[str]())
    assert {*Point} <= {point for point, count in points.items() if count}


@pytest.mark.long_faults
@pytest.mark.timeout(900)
def test_a_hundred_kills_among_twenty_thousand_items_lose_double_and_revive_nothing(mill: Callable[..., Mill]) -> None:
    deaths = {"curation": 32, "embedding": 32, "indexing": 32, "recording": 10, "broker": 6}
    stages = ("curation", "embedding", "indexing", "recording")
    chaos = chaos_of(mill(stages=stages), 20_000, deaths, 150, 11, 800)
    assert judged(chaos) == []
    assert chaos.killed >= 100
