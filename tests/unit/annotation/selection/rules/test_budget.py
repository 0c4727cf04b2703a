from annotation.selection.config import Quota, SelectionConfig, Trait
from annotation.selection.rules.budget import NOTHING, Allowance, QuotaCount, Spent, allowance, period_of

CONFIG = SelectionConfig(batch=10, open_limit=20, budget=100, random_share=0.1)


def test_a_round_is_a_whole_batch_with_its_random_share() -> None:
    assert allowance(CONFIG, Spent()) == Allowance(active=9, random=1)


def test_a_round_waits_until_it_fits_below_the_limit_of_open_tasks() -> None:
    assert allowance(CONFIG, Spent(open=11)) == NOTHING
    assert allowance(CONFIG, Spent(open=10)).total == 10


def test_a_batch_above_the_limit_is_cut_to_it_rather_than_never_made() -> None:
    config = SelectionConfig(batch=50, open_limit=20)
    assert allowance(config, Spent()).total == 20
    assert allowance(config, Spent(open=1)) == NOTHING


def test_the_last_round_of_a_period_takes_what_is_left() -> None:
    assert allowance(CONFIG, Spent(in_period=97, ever=97, ever_at_random=10)).total == 3
    assert allowance(CONFIG, Spent(in_period=100, ever=100, ever_at_random=10)) == NOTHING
    assert allowance(CONFIG, Spent(in_period=120)) == NOTHING


def test_periods_begin_at_multiples_of_their_length() -> None:
    assert [period_of(second, 60.0) for second in (0, 59.9, 60, 121)] == [0, 0, 1, 2]


def test_a_quota_is_full_after_its_share_of_the_budget_and_binds_its_value_alone() -> None:
    quota = Quota(trait=Trait.LANGUAGE, value="de", share=0.02)
    count = QuotaCount([quota], budget=100, spent={(Trait.LANGUAGE, "de"): 1})
    german = {Trait.LANGUAGE: "de", Trait.SOURCE: "web"}
    assert count.broken_by(german) is None
    count.take(german)
    assert count.broken_by(german) == quota
    assert count.broken_by({Trait.LANGUAGE: "en"}) is None
    assert count.broken_by({Trait.LANGUAGE: None}) is None
