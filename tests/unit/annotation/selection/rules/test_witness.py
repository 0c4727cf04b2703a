from collections import Counter

from annotation.selection.rules.witness import drawn, random_due, reserved

SHARE = 0.1
ITEMS = [f"item-{number}" for number in range(20_000)]


def test_the_reserve_is_the_share_of_the_items() -> None:
    kept = sum(reserved(drawn(1, "t", "topic", item), SHARE) for item in ITEMS)
    assert abs(kept / len(ITEMS) - SHARE) < 0.01


def test_lots_are_uniform_within_the_reserve() -> None:
    tenths = Counter(int(number / SHARE * 10) for item in ITEMS if (number := drawn(1, "t", "topic", item)) < SHARE)
    assert all(150 < count < 250 for count in tenths.values())
    assert len(tenths) == 10


def test_another_task_tenant_or_seed_draws_anew() -> None:
    own = {item for item in ITEMS if reserved(drawn(1, "t", "topic", item), SHARE)}
    for other in ((2, "t", "topic"), (1, "u", "topic"), (1, "t", "mood")):
        theirs = {item for item in ITEMS if reserved(drawn(*other, item), SHARE)}
        assert abs(len(own & theirs) / len(own) - SHARE) < 0.03


def test_the_random_arm_keeps_its_share_over_any_row_of_batches() -> None:
    asked = at_random = 0
    for batch in (3, 1, 25, 7, 2, 40, 1, 1, 1, 19):
        due = random_due(SHARE, asked, at_random, batch)
        asked, at_random = asked + batch, at_random + due
        assert abs(at_random - SHARE * asked) <= 1


def test_a_batch_never_owes_more_than_itself() -> None:
    assert random_due(0.5, asked=100, asked_at_random=0, batch=4) == 4
    assert random_due(0.5, asked=100, asked_at_random=90, batch=4) == 0
