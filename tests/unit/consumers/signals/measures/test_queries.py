from consumers.signals.measures.queries import FailedQueries, QueryKey
from consumers.signals.windows import Impression, Span
from schemas.signals import QueryFailed
from tests.unit.consumers.signals.builders import START_MS, feedback, search, shown

SPAN = Span(START_MS, 60_000)


def measured(*impressions: Impression) -> QueryFailed | None:
    [key] = FailedQueries().keys(impressions[0].search)
    return FailedQueries().fact(key, impressions, SPAN)


def test_case_and_spacing_do_not_make_another_query() -> None:
    [key] = FailedQueries().keys(search("s", query_text="  Quiet\n RIVERS "))
    assert key == QueryKey("default", "text", "quiet rivers", "m-1")


def test_a_search_without_result_failed() -> None:
    fact = measured(shown(search("s", items=""), feedback("s", "no_result", None)))
    assert fact is not None
    assert (fact.query_text, fact.searches, fact.failures) == ("quiet rivers", 1, 1)


def test_a_search_that_nobody_clicked_failed_and_a_clicked_one_did_not() -> None:
    fact = measured(shown(search("s")), shown(search("t"), feedback("t")))
    assert fact is not None
    assert (fact.searches, fact.failures) == (2, 1)


def test_who_says_that_nothing_was_found_outweighs_a_click() -> None:
    fact = measured(shown(search("s"), feedback("s"), feedback("s", "no_result", None)))
    assert fact is not None
    assert fact.failures == 1


def test_searches_that_went_well_are_not_told() -> None:
    assert measured(shown(search("s"), feedback("s"))) is None


def test_words_that_nobody_agreed_to_pass_on_are_not_told() -> None:
    refused = shown(search("s"), feedback("s", "no_result", None, consent=False))
    assert measured(refused) is None
    assert measured(shown(search("t"))) is None
    assert measured(refused, shown(search("t"), feedback("t", "dwell", value=1.0))) is not None
