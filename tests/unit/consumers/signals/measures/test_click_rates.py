from consumers.signals.measures.click_rates import ClickRates, RateKey
from consumers.signals.windows import Span
from tests.unit.consumers.signals.builders import START_MS, feedback, search, shown


def test_answers_are_counted_by_model_and_ranking() -> None:
    assert list(ClickRates().keys(search("s", policy="vector", model_version="m-2"))) == [
        RateKey("default", "m-2", "vector")
    ]


def test_an_answer_is_clicked_or_not_however_often() -> None:
    impressions = [
        shown(search("s"), feedback("s"), feedback("s", item="b")),
        shown(search("t")),
        shown(search("u", items="")),
        shown(search("v"), feedback("v", "no_result", None)),
    ]
    fact = ClickRates().fact(RateKey("default", "m-1", "hybrid-rrf"), impressions, Span(START_MS, 60_000))
    assert (fact.searches, fact.clicked, fact.no_results) == (4, 1, 2)
