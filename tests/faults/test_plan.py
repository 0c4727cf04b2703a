"""The plan has in it what the fault tests are about."""

from itertools import pairwise

from tests.faults.plan import Kind, plan

PLAN = plan(seed=3, items=2_000)


def test_the_same_seed_gives_the_same_plan() -> None:
    assert plan(seed=3, items=100) == plan(seed=3, items=100)
    assert plan(seed=3, items=100) != plan(seed=4, items=100)


def test_every_kind_of_operation_occurs() -> None:
    assert {operation.kind for operation in PLAN} == {*Kind}


def test_operations_are_numbered_in_their_order() -> None:
    assert [operation.number for operation in PLAN] == list(range(len(PLAN)))


def test_what_is_repeated_or_replayed_was_written_before_and_of_the_same_item() -> None:
    again = [operation for operation in PLAN if operation.of is not None]
    assert all(one.of < one.number and PLAN[one.of].item == one.item for one in again if one.of is not None)


def test_no_two_contents_are_alike_but_those_of_twins() -> None:
    texts = [operation.text for operation in PLAN if operation.kind is Kind.PUBLISH]
    assert len(texts) == len(set(texts))


def test_some_records_of_an_item_follow_each_other_without_another_between() -> None:
    assert sum(one.item == other.item for one, other in pairwise(PLAN)) > 100
