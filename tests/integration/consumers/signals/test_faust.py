"""Signals on Faust, on a real broker: killed, restarted, replayed and stopped."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from consumers.signals.stage import Signals
from schemas.searches import FeedbackGiven
from schemas.signals import ClickRateMeasured, ItemSignalMeasured
from streams.codec import decode
from streams.faust.runner import FaustRunner
from streams.health import State
from streams.kafka.letter_box import read_topic
from streams.kafka.producer import KafkaProducer
from streams.port import Start
from streams.topics import SIGNALS
from tests.integration.consumers.signals.use import Shop, until
from tests.integration.consumers.signals.worker import CONFIG
from tests.unit.consumers.signals.builders import final

STOP_S = 10.0


@pytest.fixture
def shop(kafka: str) -> Shop:
    return Shop(kafka)


@contextmanager
def running(shop: Shop) -> Iterator[FaustRunner]:
    """Signals in a thread of this process, as the worker has it."""
    runner = FaustRunner(Signals(CONFIG, shop.kafka.prefix), CONFIG, shop.kafka, KafkaProducer(shop.kafka))
    thread = threading.Thread(target=runner.run, name="signals")
    thread.start()
    try:
        yield runner
    finally:
        runner.stop()
        thread.join(STOP_S)
        assert not thread.is_alive(), "signals did not stop"
        assert runner.health.report.state is State.STOPPED


def test_what_is_measured_is_what_the_log_says_and_bad_records_change_nothing(shop: Shop) -> None:
    with running(shop) as runner:
        until(lambda: runner.health.report.ready, "ready")
        shop.visits_for(1.0)
        shop.send_rubbish()
        shop.visits_for(1.5)
        until(lambda: shop.lag() == 0, "all windows closed")
        assert runner.health.report.lag == 0
    assert final(shop.measured()) == shop.expected()


def test_killed_again_and_again_it_comes_to_the_same_facts(shop: Shop) -> None:
    customers = threading.Thread(target=shop.visits_for, args=(20.0, 0.1))
    customers.start()
    kills_in_the_middle = 0
    while customers.is_alive():
        with shop.worker():
            before = shop.committed()
            until(lambda before=before: shop.committed() > before or not customers.is_alive(), "some progress")
            time.sleep(shop.chance.random())
            kills_in_the_middle += shop.lag() > 0
    customers.join()
    with shop.worker():
        until(lambda: shop.lag() == 0, "all windows closed")
    assert kills_in_the_middle >= 2
    facts = shop.measured()
    assert final(facts) == shop.expected()
    assert len({(fact.event_id, fact.model_dump_json()) for fact in facts}) == len({fact.event_id for fact in facts})


def test_to_start_again_without_the_log_would_be_found_out(shop: Shop) -> None:
    """The test above has teeth: state that is lost shows in the facts."""
    with running(shop) as runner:
        until(lambda: runner.health.report.ready, "ready")
        shop.visits_for(0.5)
        time.sleep(0.5)
        runner._windowed.reset({}, 0)  # as if only what comes from now on counted
        shop.visits_for(0.2)
        time.sleep(4.0)
    assert final(shop.measured()) != shop.expected()


def test_a_replay_tells_the_same_facts_again(shop: Shop) -> None:
    with running(shop) as runner:
        until(lambda: runner.health.report.ready, "ready")
        shop.visits_for(1.0)
        until(lambda: shop.lag() == 0, "all windows closed")
        first = shop.measured()
        runner.replay(Start())
        until(lambda: len(shop.measured()) > len(first) and shop.lag() == 0, "told again")
    assert final(shop.measured()) == final(first)


def test_topics_that_are_missing_are_waited_for_and_never_made(kafka: str) -> None:
    shop = Shop(kafka, with_topics=False)
    with running(shop) as runner:
        until(lambda: runner.health.report.state is State.WAITING, "waiting")
        assert "millrace topics apply" in runner.health.report.reason
        assert shop.admin.present(shop.sources, ()) == {}
        shop.create_topics()
        until(lambda: runner.health.report.ready, "ready")


def test_freshness_is_printed(shop: Shop) -> None:
    """From feedback to the measurement that counts it: within the window's own delay and a second more."""
    delays_s: list[float] = []
    with running(shop) as runner:
        until(lambda: runner.health.report.ready, "ready")
        shop.visits_for(5.0, 0.05)
        until(lambda: shop.lag() == 0, "all windows closed")
    delays_s = sorted(_delays(shop))
    assert delays_s
    p50, p95 = delays_s[len(delays_s) // 2], delays_s[int(len(delays_s) * 0.95)]
    sys.stderr.write(
        f"\nfeedback to ItemSignalMeasured beyond the end of its window: P50 {p50:.2f} s, P95 {p95:.2f} s, "
        f"{len(delays_s)} measurements in windows of {CONFIG.window_s} s\n"
    )


def _delays(shop: Shop) -> Iterator[float]:
    """For each first measurement of an item, how long after the end of its window it was in the log."""
    for record in read_topic(shop.kafka, SIGNALS.full_name(shop.kafka.prefix)):
        fact = decode(record, SIGNALS.events)
        if isinstance(fact, ItemSignalMeasured) and fact.clicks:
            yield record.timestamp_ms / 1000 - fact.occurred_at.timestamp()


def test_click_rates_count_every_search_once(shop: Shop) -> None:
    with running(shop) as runner:
        until(lambda: runner.health.report.ready, "ready")
        for _ in range(20):
            shop.visit()
        shop.send(FeedbackGiven(impression_id="00000000-0000-0000-0000-000000000001", kind="no_result", consent=True))
        until(lambda: sum(rate.searches for rate in _latest(shop)) == 20, "20 searches")


def _latest(shop: Shop) -> list[ClickRateMeasured]:
    facts = [fact for fact in shop.measured() if isinstance(fact, ClickRateMeasured)]
    highest = {fact.window_start: fact for fact in sorted(facts, key=lambda fact: fact.revision)}
    return list(highest.values())
