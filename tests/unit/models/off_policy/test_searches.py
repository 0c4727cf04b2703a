"""From our own facts, served with chance, to what the ranking would earn without it, and with another score."""

import random
from uuid import UUID, uuid5

import pytest

from models.off_policy.searches import estimate, ranked_by, without_chance
from models.serving.config import ExplorationConfig, Method
from models.serving.exploration import draw, propensities
from schemas.searches import FeedbackGiven, Hit, SearchServed
from streams.errors import Misconfigured

LIKED = {"a": 0.2, "b": 0.6, "c": 0.1}
"""How often people want each item; the ranking wrongly puts `a` first."""
SEEN = (0.9, 0.5, 0.2)
"""How often people look at each position."""
CHANCE = ExplorationConfig(method=Method.PLACKETT_LUCE, epsilon=0.8)
BETTER = ranked_by(lambda hit: LIKED[hit.item_id])


def served(number: int, order: list[int], wrong: float = 1.0) -> SearchServed:
    odds = propensities(3, CHANCE)
    hits = tuple(
        Hit(item_id="abc"[place], version=1, position=at + 1, score=-place, propensity=odds[place, at] * wrong)
        for at, place in enumerate(order)
    )
    said = {"query_text": "q", "k": 3, "policy": "p", "model_version": "m", "latency_ms": 1}
    return SearchServed(event_id=uuid5(UUID(int=1), str(number)), hits=hits, **said)


def use(count: int, seed: int = 5, wrong: float = 1.0) -> tuple[list[SearchServed], list[FeedbackGiven]]:
    chance = random.Random(seed)
    searches = [served(number, draw(3, CHANCE, chance), wrong) for number in range(count)]
    clicks = [
        FeedbackGiven(impression_id=search.event_id, kind="click", item_id=hit.item_id, consent=False)
        for search in searches
        for hit in search.hits
        if chance.random() < SEEN[hit.position - 1] * LIKED[hit.item_id]
    ]
    return searches, clicks


def truth(order: str) -> float:
    return sum(SEEN[place] * LIKED[item] for place, item in enumerate(order)) / 3


def test_the_ranking_without_chance_is_valued_from_searches_with_it() -> None:
    found = estimate(*use(4000), without_chance)
    assert found.ips.covers(truth("abc"))
    assert found.snips.covers(truth("abc"))
    assert found.doubly_robust.covers(truth("abc"))
    assert found.doubly_robust.trustworthy


def test_a_better_ranking_is_seen_to_be_better() -> None:
    found = estimate(*use(4000), BETTER)
    assert found.doubly_robust.covers(truth("bac"))
    assert found.doubly_robust.low > found.logged.value


def test_propensities_that_were_written_down_wrongly_are_found_out() -> None:
    found = estimate(*use(4000, wrong=0.5), BETTER)
    assert not found.ips.covers(truth("bac"))
    assert not found.ips.trustworthy


def test_repeated_facts_and_feedback_about_nothing_change_nothing() -> None:
    searches, clicks = use(200)
    elsewhere = FeedbackGiven(impression_id=UUID(int=9), kind="click", item_id="a", consent=True)
    stranger = clicks[0].model_copy(update={"tenant": "other", "item_id": "c"})
    assert estimate(searches, clicks, BETTER) == estimate(
        searches + searches[:50], [*clicks, *clicks, elsewhere, stranger], BETTER
    )


def test_without_results_there_is_nothing_to_estimate() -> None:
    with pytest.raises(Misconfigured, match="no search with results"):
        estimate([], [], BETTER)


def test_a_target_that_does_not_speak_of_every_hit_is_refused() -> None:
    with pytest.raises(Misconfigured, match="each hit"):
        estimate(*use(3), lambda search: [1.0])
