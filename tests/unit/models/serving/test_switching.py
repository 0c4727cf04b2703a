"""Thousands of switches under searches, in memory: no answer mixes versions, and none fails."""

import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from models.registry.records import RolloutState
from models.serving.config import SearchConfig
from models.serving.live.encoders import LiveEncoders, Turn
from models.serving.request import SearchRequest
from models.serving.search import SearchService
from models.vector_index.port import Candidate
from tests.unit.models.serving.live.standings import ENCODERS, NEW, OLD, THIRD, Said, rollout, standing
from tests.unit.models.serving.spaces import Spaces
from tests.unit.models.serving.turning import ANSWERED, FAILED, MISNAMED, MIXED, Judge, Ledger, searched_while

SWITCHES = 2000
SABOTAGED = 200
PATIENCE = 1000
CONFIG = SearchConfig(query_cache=8)


class TwoLooks(SearchService):
    """A sabotage: asks anew what serves after the query has its vector."""

    def _found(self, request: SearchRequest, tenant: str, turn: Turn) -> list[Candidate]:
        later = self.live.turns(self._chance.random)[0]
        return super()._found(request, tenant, replace(later, questions=Mixture(later, turn)))


class Mixture:
    """The space of one turn with the vectors of another."""

    def __init__(self, space: Turn, questions: Turn) -> None:
        self.encoder = space.encoder
        self.vector = questions.questions.vector


class Mill:
    """Generations in memory: every step of a release as the conductor takes it, without its waits."""

    def __init__(self, switches: int) -> None:
        self.wanted = switches
        self.watch, self.index, self.ledger = Said(), Spaces(), Ledger()
        self.live = LiveEncoders(self.watch, ENCODERS.__getitem__, CONFIG)
        self.index.fill(OLD)
        self.ledger.allow(0, "live", OLD.version)
        self.live.load()
        self.judge = Judge((OLD, NEW, THIRD), self.ledger)
        self.switches = 0

    def turn(self) -> None:
        """Releases, each third of which is rolled back."""
        encoders = (OLD, NEW, THIRD)
        place = 0
        while self.switches < self.wanted:
            old, new = encoders[place % 3], encoders[(place + 1) % 3]
            back = self.switches % 3 == 0
            self._release(old.version, new.version, back)
            place += not back

    def _release(self, old: str, new: str, back: bool) -> None:
        generation = self.watch.now.generation
        self.ledger.allow(generation, "candidate", new)
        self.ledger.allow(generation + 1, "live", new)
        self.ledger.allow(generation + 1, "previous", old)
        self.ledger.allow(generation + 2, "live", old)
        if new not in self.index.spaces:
            self.index.fill(ENCODERS[new])
        self._say(generation, old, RolloutState.PREPARING, new, old)
        self.live.load()
        self._say(generation, old, RolloutState.CANARY, new, old)
        self._say(generation + 1, new, RolloutState.WATCHING, new, old)
        self.switches += 1
        if back:
            self.watch.now = standing(generation + 2, old)
            self.switches += 1
        else:
            self.watch.now = standing(generation + 1, new)
        self.live.load()

    def _say(self, generation: int, live: str, state: RolloutState, new: str, old: str) -> None:
        """And lets somebody search before the next step, if somebody comes in time."""
        self.watch.now, judged = standing(generation, live, rollout(state, 0.3, new, old)), self.judge.judged
        for _ in range(PATIENCE):
            if self.judge.judged != judged:
                break
            time.sleep(0)


@pytest.fixture(autouse=True)
def threads_take_turns_often_and_write_no_logs() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    with capture_logs():
        yield
    sys.setswitchinterval(before)


def test_no_answer_mixes_versions_and_none_fails_however_often_generations_switch() -> None:
    mill = Mill(SWITCHES)
    seen = searched_while(mill.turn, SearchService(mill.live, mill.index, CONFIG).search, mill.judge)
    assert (seen.outcomes[MIXED], seen.outcomes[MISNAMED], seen.outcomes[FAILED]) == (0, 0, 0)
    assert seen.outcomes[ANSWERED] > 1000
    assert seen.arms.keys() == {"live", "candidate", "previous"}
    assert len(seen.generations) > SWITCHES / 10


def test_a_service_that_looks_twice_within_a_search_is_found_out() -> None:
    mill = Mill(SABOTAGED)
    seen = searched_while(mill.turn, TwoLooks(mill.live, mill.index, CONFIG).search, mill.judge)
    assert seen.outcomes[MIXED] > 0
