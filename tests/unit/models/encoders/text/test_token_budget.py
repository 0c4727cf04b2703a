from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from models.encoders.text.token_budget import padded_tokens, token_budget_batches

LENGTHS = st.lists(st.integers(1, 300), max_size=200)
BUDGETS = st.integers(1, 5000)


@given(LENGTHS, BUDGETS)
def test_every_text_is_in_exactly_one_batch(lengths: list[int], budget: int) -> None:
    batches = token_budget_batches(lengths, budget)
    assert sorted(position for batch in batches for position in batch) == list(range(len(lengths)))


@given(LENGTHS, BUDGETS)
def test_only_a_text_alone_may_be_over_the_budget(lengths: list[int], budget: int) -> None:
    batches = token_budget_batches(lengths, budget)
    assert all(len(batch) == 1 or padded_tokens(lengths, [batch]) <= budget for batch in batches)


@given(LENGTHS, BUDGETS)
def test_no_batch_closes_while_the_next_text_still_fits(lengths: list[int], budget: int) -> None:
    batches = token_budget_batches(lengths, budget)
    assert all(padded_tokens(lengths, [[*batch, after[0]]]) > budget for batch, after in pairwise(batches))


@given(LENGTHS, BUDGETS)
def test_lengths_rise_from_batch_to_batch_and_equal_ones_keep_their_order(lengths: list[int], budget: int) -> None:
    met = [(lengths[position], position) for batch in token_budget_batches(lengths, budget) for position in batch]
    assert met == sorted(met)


def test_short_texts_do_not_pay_for_a_long_one() -> None:
    lengths = [10] * 50 + [250]
    assert padded_tokens(lengths, token_budget_batches(lengths, 500)) == sum(lengths)
