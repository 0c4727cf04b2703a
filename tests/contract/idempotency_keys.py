"""What idempotency keys must do in every database. Subclasses say how to open one."""

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import Engine, func, select

from models.metadata.idempotency import (
    Claim,
    IdempotencyConfig,
    IdempotencyKeys,
    InProgress,
    OtherRequest,
    Standing,
    StoredAnswer,
)
from models.metadata.tables import idempotency_keys
from streams.clock import SystemClock

ANSWER = StoredAnswer(202, '{"done": true}')
DAY_S = 24 * 3600.0
ONE, OTHER = "1" * 64, "2" * 64


class HandClock(SystemClock):
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


class IdempotencyKeysContract:
    """Subclasses provide the fixture `engine`, with the tables in place and empty."""

    @pytest.fixture
    def engine(self) -> Engine:
        raise NotImplementedError

    @pytest.fixture
    def clock(self) -> HandClock:
        return HandClock()

    @pytest.fixture
    def keys(self, engine: Engine, clock: HandClock) -> IdempotencyKeys:
        return IdempotencyKeys(engine, IdempotencyConfig(purge_rows=3), clock)

    def claimed(self, keys: IdempotencyKeys, key: str = "k", tenant: str = "t") -> Claim:
        standing = keys.claim(tenant, key, ONE)
        assert isinstance(standing, Claim)
        return standing

    def test_a_new_key_is_claimed(self, keys: IdempotencyKeys) -> None:
        self.claimed(keys)

    def test_a_claimed_key_is_in_progress(self, keys: IdempotencyKeys) -> None:
        self.claimed(keys)
        assert keys.claim("t", "k", ONE) == InProgress(60.0)

    def test_a_completed_key_gives_its_answer(self, keys: IdempotencyKeys) -> None:
        keys.complete(self.claimed(keys), ANSWER)
        assert keys.claim("t", "k", ONE) == ANSWER

    def test_a_key_belongs_to_one_request_whether_it_is_answered_or_not(self, keys: IdempotencyKeys) -> None:
        claim = self.claimed(keys)
        assert keys.claim("t", "k", OTHER) == OtherRequest()
        keys.complete(claim, ANSWER)
        assert keys.claim("t", "k", OTHER) == OtherRequest()

    def test_tenants_have_keys_of_their_own(self, keys: IdempotencyKeys) -> None:
        self.claimed(keys, tenant="red")
        self.claimed(keys, tenant="blue")

    def test_a_released_key_can_be_claimed_at_once_for_the_same_request(self, keys: IdempotencyKeys) -> None:
        keys.release(self.claimed(keys))
        assert keys.claim("t", "k", OTHER) == OtherRequest()
        self.claimed(keys)

    def test_a_claim_that_ran_out_is_taken_over(self, keys: IdempotencyKeys, clock: HandClock) -> None:
        lost = self.claimed(keys)
        clock.now += 60.0
        taken = self.claimed(keys)
        assert taken.token != lost.token

    def test_who_lost_the_claim_cannot_answer_or_release_it(self, keys: IdempotencyKeys, clock: HandClock) -> None:
        lost = self.claimed(keys)
        clock.now += 60.0
        taken = self.claimed(keys)
        keys.complete(lost, StoredAnswer(500, "late"))
        keys.release(lost)
        assert isinstance(keys.claim("t", "k", ONE), InProgress)
        keys.complete(taken, ANSWER)
        assert keys.claim("t", "k", ONE) == ANSWER

    def test_an_answer_is_remembered_for_a_day_and_then_the_key_is_new(
        self, keys: IdempotencyKeys, clock: HandClock
    ) -> None:
        keys.complete(self.claimed(keys), ANSWER)
        clock.now += DAY_S - 1
        assert keys.claim("t", "k", ONE) == ANSWER
        clock.now += 1
        assert isinstance(keys.claim("t", "k", OTHER), Claim)

    def test_an_answer_of_any_characters_comes_back(self, keys: IdempotencyKeys) -> None:
        answer = StoredAnswer(202, '{"item_id": "水車/🌾 \\u0000"}')
        keys.complete(self.claimed(keys), answer)
        assert keys.claim("t", "k", ONE) == answer

    def test_expired_keys_are_purged_in_bounded_batches(self, keys: IdempotencyKeys, clock: HandClock) -> None:
        for place in range(5):
            keys.complete(self.claimed(keys, f"k{place}"), ANSWER)
        clock.now += DAY_S
        keys.complete(self.claimed(keys, "young"), ANSWER)  # its claim purges a batch of three by itself
        assert [keys.purge(), keys.purge()] == [2, 0]
        assert keys.claim("t", "young", ONE) == ANSWER

    def test_purging_happens_at_most_once_a_minute(
        self, keys: IdempotencyKeys, clock: HandClock, engine: Engine
    ) -> None:
        for place in range(9):
            keys.complete(self.claimed(keys, f"k{place}"), ANSWER)
        clock.now += DAY_S
        self.claimed(keys, "a")
        clock.now += 59.0
        self.claimed(keys, "b")
        with engine.connect() as connection:
            assert connection.execute(select(func.count()).select_from(idempotency_keys)).scalar() == 9 - 3 + 2

    def test_of_many_threads_one_gets_the_claim(self, keys: IdempotencyKeys) -> None:
        standings = together(8, lambda _: keys.claim("t", "k", ONE))
        assert sorted(type(one).__name__ for one in standings) == ["Claim"] + ["InProgress"] * 7

    def test_of_many_threads_one_takes_over_a_claim_that_ran_out(self, keys: IdempotencyKeys, clock: HandClock) -> None:
        self.claimed(keys)
        clock.now += 61.0
        standings = together(8, lambda _: keys.claim("t", "k", ONE))
        assert sorted(type(one).__name__ for one in standings) == ["Claim"] + ["InProgress"] * 7

    def test_a_database_that_answers_passes_its_check(self, keys: IdempotencyKeys) -> None:
        keys.check()


def together(count: int, call: Callable[[int], Standing]) -> list[Standing]:
    """The results of calls that begin at one moment."""
    barrier, results = threading.Barrier(count), []

    def work(place: int) -> None:
        barrier.wait(10)
        results.append(call(place))

    threads = [threading.Thread(target=work, args=(place,)) for place in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results
