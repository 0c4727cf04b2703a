"""What claims must do in any database. Subclasses provide the fixture `engine`."""

import threading
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid5

import pytest
from sqlalchemy import Engine, event, func, select

from consumers.curation.answers import Answer
from consumers.curation.claims import Claims, Request, answers, items
from consumers.curation.ledger import Claimant, Ruling
from schemas.items import ItemWithdrawn

NAMESPACE = UUID(int=7)
RED, BLUE, GREEN = "1" * 64, "2" * 64, "3" * 64
HERE = "items.raw/0"


def request(item_id: str, version: int, content: str | None, tenant: str = "mill", place: str = HERE) -> Request:
    """A record that wants `content`, or None: to be withdrawn or refused."""
    return Request(place, uuid5(NAMESPACE, f"{place}/{version}"), Claimant(tenant, item_id, version, content))


def settle(claims: Claims, *requests: Request) -> list[Answer]:
    """Answers that say their ruling: `curated` is no part of this contract."""
    return claims.settle(requests, lambda position, ruling: told(requests[position], ruling))


def told(request: Request, ruling: Ruling) -> Answer:
    """The ruling, in the field of an answer that is free text."""
    item_id = f"{ruling.duplicate_of} {ruling.replaces}"
    withdrawn = ItemWithdrawn(tenant=request.claimant.tenant, item_id=item_id)
    return Answer(version=request.claimant.version, cause=request.cause, withdrawn=withdrawn)


def rulings(told_answers: Sequence[Answer]) -> list[str]:
    return [answer.withdrawn.item_id for answer in told_answers if answer.withdrawn is not None]


FREE, REPLACES = "None False", "None True"


def duplicate_of(item_id: str, replaces: bool = False) -> str:
    return f"{item_id} {replaces}"


class ClaimsContract:
    @pytest.fixture
    def engine(self) -> Engine:
        raise NotImplementedError

    @pytest.fixture
    def claims(self, engine: Engine) -> Claims:
        claims = Claims(engine)
        claims.create_tables()
        with engine.begin() as connection:
            connection.execute(items.delete())
            connection.execute(answers.delete())
        return claims

    def test_the_first_item_owns_the_content_and_the_second_repeats_it(self, claims: Claims) -> None:
        assert rulings(settle(claims, request("a", 1, RED))) == [FREE]
        assert rulings(settle(claims, request("b", 2, RED))) == [duplicate_of("a")]

    def test_a_duplicate_in_the_same_batch_is_seen(self, claims: Claims) -> None:
        assert rulings(settle(claims, request("a", 1, RED), request("b", 2, RED))) == [FREE, duplicate_of("a")]

    def test_an_item_may_repeat_itself(self, claims: Claims) -> None:
        assert rulings(settle(claims, request("a", 1, RED), request("a", 2, RED))) == [FREE, FREE]
        assert rulings(settle(claims, request("a", 3, RED))) == [FREE]

    def test_an_item_that_changes_gives_its_old_content_up(self, claims: Claims) -> None:
        settle(claims, request("a", 1, RED))
        settle(claims, request("a", 2, BLUE))
        assert rulings(settle(claims, request("b", 3, RED))) == [FREE]

    def test_a_withdrawn_item_gives_its_content_up(self, claims: Claims) -> None:
        settle(claims, request("a", 1, RED))
        settle(claims, request("a", 2, None))
        assert rulings(settle(claims, request("b", 3, RED))) == [FREE]

    def test_two_items_may_swap_contents_within_a_batch(self, claims: Claims) -> None:
        settle(claims, request("a", 1, RED), request("b", 2, BLUE))
        swap = (request("a", 3, GREEN), request("b", 4, RED), request("a", 5, BLUE))
        assert rulings(settle(claims, *swap)) == [FREE, FREE, FREE]
        assert rulings(settle(claims, request("c", 6, RED), request("d", 7, BLUE), request("e", 8, GREEN))) == [
            duplicate_of("b"),
            duplicate_of("a"),
            FREE,
        ]

    def test_a_refused_version_replaces_a_live_one_once(self, claims: Claims) -> None:
        settle(claims, request("a", 1, RED))
        assert rulings(settle(claims, request("a", 2, None), request("a", 3, None))) == [REPLACES, FREE]

    def test_a_version_that_became_a_duplicate_replaces_the_live_one(self, claims: Claims) -> None:
        settle(claims, request("a", 1, RED), request("b", 2, BLUE))
        assert rulings(settle(claims, request("b", 3, RED))) == [duplicate_of("a", replaces=True)]

    def test_tenants_do_not_see_each_other(self, claims: Claims) -> None:
        settle(claims, request("a", 1, RED))
        assert rulings(settle(claims, request("a", 2, RED, tenant="other"))) == [FREE]

    def test_an_old_version_changes_nothing(self, claims: Claims) -> None:
        settle(claims, request("a", 5, RED))
        settle(claims, request("a", 9, BLUE))
        assert rulings(settle(claims, request("a", 4, GREEN), request("a", 3, None))) == [FREE, REPLACES]
        assert rulings(settle(claims, request("b", 10, GREEN), request("c", 11, BLUE))) == [FREE, duplicate_of("a")]

    def test_the_newest_version_is_ruled_the_same_for_ever(self, claims: Claims) -> None:
        settle(claims, request("a", 1, RED), request("b", 2, RED))
        settle(claims, request("a", 3, None))
        settle(claims, request("z", 50, BLUE))
        assert rulings(settle(claims, request("b", 2, RED), request("a", 3, None))) == [duplicate_of("a"), REPLACES]

    def test_a_batch_that_comes_again_is_answered_the_same(self, claims: Claims) -> None:
        settle(claims, request("a", 1, RED))
        batch = (request("a", 2, BLUE), request("b", 3, RED), request("a", 4, None))
        first = settle(claims, *batch)
        assert settle(claims, *batch) == first

    def test_a_batch_that_comes_again_in_pieces_is_answered_the_same(self, claims: Claims) -> None:
        batch = (request("a", 1, RED), request("b", 2, RED), request("a", 3, None))
        first = settle(claims, *batch)
        assert settle(claims, batch[0]) == first[:1]
        assert settle(claims, *batch[1:], request("c", 4, BLUE))[:2] == first[1:]

    def test_a_mended_record_gets_an_answer_of_its_own(self, claims: Claims) -> None:
        settle(claims, request("a", 1, RED), request("b", 2, RED))
        mended = Request(HERE, UUID(int=99), Claimant("mill", "c", 2, BLUE))
        assert rulings(settle(claims, mended)) == [FREE]

    def test_answers_are_forgotten_when_the_partition_goes_on(self, claims: Claims, engine: Engine) -> None:
        for version in range(0, 60, 3):
            settle(claims, *(request(f"i{version + n}", version + n, None) for n in range(3)))
        with engine.begin() as connection:
            assert connection.execute(select(func.count()).select_from(answers)).scalar() == 1

    def test_each_partition_keeps_its_own_answers(self, claims: Claims) -> None:
        first = settle(claims, request("a", 1, RED, place="items.raw/1"))
        settle(claims, request("b", 700, BLUE, place="items.raw/2"))
        settle(claims, request("c", 701, GREEN, place="items.raw/2"))
        assert settle(claims, request("a", 1, RED, place="items.raw/1")) == first

    def test_nothing_is_changed_when_answering_fails(self, claims: Claims) -> None:
        def fail(position: int, ruling: Ruling) -> Answer:
            raise RuntimeError("a bug")

        with pytest.raises(RuntimeError, match="a bug"):
            claims.settle([request("a", 1, RED)], fail)
        assert rulings(settle(claims, request("b", 2, RED))) == [FREE]

    def test_no_requests_are_no_work(self, claims: Claims) -> None:
        assert settle(claims) == []

    def test_the_number_of_statements_does_not_grow_with_the_batch(self, claims: Claims, engine: Engine) -> None:
        def statements(first: int, size: int) -> int:
            seen: list[Any] = []

            def count(*arguments: Any) -> None:
                seen.append(arguments[2])

            event.listen(engine, "before_cursor_execute", count)
            settle(claims, *(request(f"i{n}", n, f"{n % 400:064x}") for n in range(first, first + size)))
            event.remove(engine, "before_cursor_execute", count)
            return len(seen)

        settle(claims, *(request(f"i{n}", n, f"{n:064x}") for n in range(5)))
        assert statements(10, 500) <= statements(600, 5) + 2

    def test_replicas_agree_on_one_owner(self, claims: Claims) -> None:
        start, told_to = threading.Barrier(4), dict[int, list[str]]()

        def replica(number: int) -> None:
            start.wait(10)
            wanted = (
                request(f"r{number}", version, f"{version:064x}", place=f"items.raw/{number}") for version in range(20)
            )
            told_to[number] = rulings(settle(claims, *wanted))

        threads = [threading.Thread(target=replica, args=(number,), daemon=True) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        # An item owns only its newest content, so the last one is what they compete for.
        assert sorted(last[-1] == FREE for last in told_to.values()) == [False, False, False, True]
