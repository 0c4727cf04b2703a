"""A search while a release is under way: who answers, and what is told of it."""

import random
from collections import Counter

import pytest

from models.serving.live.encoders import LiveEncoders
from models.serving.request import SearchRequest
from models.serving.search import SearchService
from streams.errors import Unavailable
from tests.unit.models.serving.live.standings import CANARY, ENCODERS, NEW, OLD, WATCHING, Said
from tests.unit.models.serving.spaces import Spaces

ASKED = SearchRequest.model_validate({"query": {"text": "deep water"}, "hybrid": {"bm25_weight": 0}, "k": 3})


class Lot(random.Random):
    """Draws what it is told to."""

    def __init__(self, number: float) -> None:
        super().__init__()
        self.number = number

    def random(self) -> float:
        return self.number


@pytest.fixture
def index() -> Spaces:
    index = Spaces()
    index.fill(OLD)
    index.fill(NEW)
    return index


def service(index: Spaces, watch: Said, lot: float | None = None) -> SearchService:
    live = LiveEncoders(watch, ENCODERS.__getitem__)
    live.load()
    return SearchService(live, index, chance=random.Random(7) if lot is None else Lot(lot))


def test_the_answer_and_its_fact_name_arm_generation_and_encoder(index: Spaces) -> None:
    served = service(index, Said(CANARY), lot=0.0).search(ASKED)
    assert (served.answer.arm, served.answer.generation, served.answer.model_version) == ("candidate", 0, NEW.version)
    assert (served.fact.arm, served.fact.generation, served.fact.model_version) == ("candidate", 0, NEW.version)
    assert (served.fact.outcome, served.failed) == ("answered", ())


def test_lots_are_drawn_for_each_search_with_the_share_of_the_rollout(index: Spaces) -> None:
    asked = service(index, Said(WATCHING))
    arms = Counter(asked.search(ASKED).fact.arm for _ in range(1000))
    assert arms.keys() == {"live", "previous"}
    assert 430 < arms["previous"] < 570


def test_where_the_candidate_fails_the_live_model_answers_and_the_failure_is_told(index: Spaces) -> None:
    index.drop(NEW.version)
    served = service(index, Said(CANARY), lot=0.0).search(ASKED, "blue")
    [failed] = served.failed
    assert (served.fact.arm, served.fact.model_version, len(served.answer.results)) == ("live", OLD.version, 3)
    assert (failed.arm, failed.model_version, failed.outcome, failed.hits) == ("candidate", NEW.version, "failed", ())
    assert (failed.tenant, failed.query_text, failed.k) == ("blue", "deep water", 3)
    assert failed.event_id != served.fact.event_id
    assert failed.traceparent[3:35] == served.fact.traceparent[3:35]


def test_the_id_of_a_failure_is_computed_from_the_answer(index: Spaces) -> None:
    index.drop(NEW.version)
    served = service(index, Said(CANARY), lot=0.0).search(ASKED)
    [failed] = served.failed
    assert failed.event_id == type(failed).following(served.fact, "candidate", **failed.model_dump()).event_id


def test_while_watching_the_previous_model_stands_in_for_a_live_one_that_fails(index: Spaces) -> None:
    index.drop(NEW.version)
    served = service(index, Said(WATCHING), lot=0.9).search(ASKED)
    assert (served.fact.arm, served.fact.model_version) == ("previous", OLD.version)
    assert [(one.arm, one.model_version, one.generation) for one in served.failed] == [("live", NEW.version, 1)]


def test_where_nobody_can_answer_the_reason_is_that_of_the_live_model(index: Spaces) -> None:
    index.drop(OLD.version)
    index.drop(NEW.version)
    with pytest.raises(Unavailable, match=f"no space {NEW.version}$"):
        service(index, Said(WATCHING), lot=0.0).search(ASKED)


def test_questions_are_remembered_of_each_encoder_for_itself(index: Spaces) -> None:
    asked = service(index, Said(CANARY))
    answers = [asked.search(ASKED).answer for _ in range(40)]
    tops = {(answer.model_version, answer.results[0].score) for answer in answers}
    assert len(tops) == len({version for version, _ in tops}) == 2
