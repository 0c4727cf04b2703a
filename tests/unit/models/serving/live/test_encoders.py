import gc
import weakref
from collections.abc import Sequence

import numpy as np
import pytest

from models.encoders.config import EncoderConfig
from models.encoders.hashing import HashingEncoder
from models.encoders.port import Vectors
from models.registry.records import RolloutState
from models.serving.config import SearchConfig
from models.serving.live.arms import Arm
from models.serving.live.encoders import LiveEncoders
from models.serving.live.preloading import preloading
from models.serving.live.questions import Questions
from streams.errors import BadRecord, Unavailable
from tests.unit.models.serving.live.standings import (
    AT_REST,
    CANARY,
    DONE,
    NEW,
    OLD,
    PREPARING,
    WATCHING,
    Moved,
    Said,
    Shelf,
    rollout,
    standing,
)

CONFIG = SearchConfig(switch_lag_s=60, load_again_s=10)


class Place:
    """Live encoders and everything that they look at."""

    def __init__(self) -> None:
        self.watch, self.shelf, self.clock = Said(), Shelf(), Moved()
        self.live = LiveEncoders(self.watch, self.shelf.get, CONFIG, self.clock)

    def answering(self, lot: float = 1.0) -> list[tuple[str, int, str]]:
        turns = self.live.turns(lambda: lot)
        return [(turn.arm.value, turn.generation, turn.encoder.version) for turn in turns]


@pytest.fixture
def place() -> Place:
    return Place()


def test_nothing_is_answered_before_the_live_encoder_is_loaded(place: Place) -> None:
    with pytest.raises(Unavailable, match="it is being loaded"):
        place.answering()
    assert place.live.ready() is not None
    place.live.load()
    assert (place.answering(), place.live.ready()) == ([("live", 0, OLD.version)], None)


def test_the_candidate_is_loaded_before_it_may_answer(place: Place) -> None:
    place.live.load()
    place.watch.now = PREPARING
    assert place.live.shelf_ready() == {OLD.version}
    place.live.load()
    assert place.live.shelf_ready() == {OLD.version, NEW.version}


def test_a_candidate_that_is_not_loaded_here_is_passed_over(place: Place) -> None:
    place.live.load()
    place.watch.now = CANARY
    assert place.answering(0.0) == [("live", 0, OLD.version)]
    place.live.load()
    assert place.answering(0.0) == [("candidate", 0, NEW.version), ("live", 0, OLD.version)]


def test_a_switch_to_a_loaded_encoder_takes_effect_at_once(place: Place) -> None:
    place.watch.now = PREPARING
    place.live.load()
    place.watch.now = WATCHING
    assert place.answering() == [("live", 1, NEW.version), ("previous", 1, OLD.version)]
    assert place.live.serving == NEW.version


def test_a_switch_to_an_encoder_that_is_not_loaded_leaves_the_former_generation_in_place(place: Place) -> None:
    place.live.load()
    place.watch.now = WATCHING
    assert place.answering(0.0) == [("live", 0, OLD.version)]
    assert place.live.ready() is None
    assert "generation 0 still answers" in (place.live.behind() or "")
    place.live.load()
    assert place.answering() == [("live", 1, NEW.version), ("previous", 1, OLD.version)]
    assert place.live.behind() is None


def test_a_former_generation_answers_for_a_bounded_time_only(place: Place) -> None:
    place.live.load()
    place.watch.now = WATCHING
    place.shelf.missing[NEW.version] = BadRecord("artifact_damaged", "image-tower.safetensors")
    place.live.load()
    place.answering()
    place.clock.now_s = 60.0
    assert place.answering() == [("live", 0, OLD.version)]
    place.clock.now_s = 60.1
    with pytest.raises(Unavailable, match="image-tower"):
        place.answering()
    assert "artifact_damaged" in (place.live.ready() or "")


def test_the_bound_begins_anew_with_the_next_switch(place: Place) -> None:
    place.live.load()
    place.watch.now = WATCHING
    place.answering()
    place.live.load()
    place.answering()
    place.clock.now_s = 1000.0
    place.watch.now = standing(2, "hashing-384-v1-salt2")
    assert place.answering() == [("live", 1, NEW.version)]


def test_an_encoder_that_cannot_be_loaded_is_tried_again_later_and_told(place: Place) -> None:
    place.watch.now = PREPARING
    place.shelf.missing[NEW.version] = BadRecord("artifact_damaged", "image-tower.safetensors")
    place.live.load()
    place.live.load()
    assert place.shelf.asked.count(NEW.version) == 1
    assert place.live.failures() == {NEW.version: "artifact_damaged: image-tower.safetensors"}
    assert place.live.shelf_ready() == {OLD.version}
    place.clock.now_s = 10.0
    place.shelf.missing.clear()
    place.live.load()
    assert (place.live.failures(), NEW.version in place.live.shelf_ready()) == ({}, True)


@pytest.mark.parametrize("fault", [RuntimeError("shapes differ"), ValueError(), KeyError("weight"), OSError("gone")])
def test_an_encoder_with_a_fault_of_any_kind_stops_nobody(place: Place, fault: Exception) -> None:
    place.watch.now = PREPARING
    place.shelf.missing[NEW.version] = fault
    place.live.load()
    assert place.answering() == [("live", 0, OLD.version)]
    assert list(place.live.failures()) == [NEW.version]


def test_an_encoder_that_has_had_its_time_is_let_go(place: Place) -> None:
    place.watch.now = PREPARING
    place.live.load()
    place.watch.now = DONE
    place.live.load()
    assert place.live.shelf_ready() == {NEW.version}


def test_the_failures_of_a_candidate_are_forgotten_with_it(place: Place) -> None:
    place.watch.now = PREPARING
    place.shelf.missing[NEW.version] = BadRecord("artifact_damaged")
    place.live.load()
    place.watch.now = AT_REST
    place.live.load()
    assert place.live.failures() == {}


def test_after_a_rollback_the_previous_encoder_is_still_there(place: Place) -> None:
    place.watch.now = PREPARING
    place.live.load()
    place.watch.now = WATCHING
    place.live.load()
    place.watch.now = standing(2, OLD.version)
    assert place.answering() == [("live", 2, OLD.version)]


def test_a_watch_that_knows_nothing_is_heard_of_and_nothing_is_let_go(place: Place) -> None:
    place.live.load()
    place.watch.down = True
    assert "database" in (place.live.ready() or "")
    with pytest.raises(Unavailable):
        place.live.load()
    place.watch.down = False
    assert place.answering() == [("live", 0, OLD.version)]


def test_an_encoder_is_asked_for_by_its_version_while_it_is_loaded(place: Place) -> None:
    place.watch.now = CANARY
    place.live.load()
    assert place.live.encoder() is OLD
    assert place.live.encoder(NEW.version) is NEW
    assert place.live.encoder("another") is None


def test_one_encoder_alone_serves_for_ever_and_is_asked_nothing_beforehand() -> None:
    live = LiveEncoders.of(OLD)
    [turn] = live.turns(lambda: 0.0)
    assert (turn.arm, turn.generation, turn.encoder) == (Arm.LIVE, 0, OLD)
    assert (live.ready(), live.behind(), live.serving) == (None, None, OLD.version)


def test_a_generation_seen_late_by_one_thread_does_not_undo_what_another_saw(place: Place) -> None:
    place.watch.now = PREPARING
    place.live.load()
    place.watch.now = WATCHING
    place.answering()
    place.watch.now = CANARY
    place.answering()
    assert place.live.serving == NEW.version


class Numb(HashingEncoder):
    """Gives numbers that are none."""

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        return super().encode_texts(texts) * np.nan


def test_an_encoder_that_gives_no_numbers_is_never_ready(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    numb = Numb(EncoderConfig(), salt=1)
    live = LiveEncoders(Said(PREPARING), {OLD.version: OLD, numb.version: numb}.__getitem__, CONFIG, place.clock)
    live.load()
    assert live.shelf_ready() == {OLD.version}
    assert "gives no vectors" in live.failures()[numb.version]


def test_an_encoder_is_freed_with_its_questions_without_a_search_for_cycles() -> None:
    gc.disable()
    try:
        encoder = HashingEncoder(EncoderConfig())
        questions = Questions(encoder, 10)
        questions.vector("a question")
        gone = weakref.ref(encoder)
        del encoder, questions
        assert gone() is None
    finally:
        gc.enable()


def test_preloading_loads_beside_the_searches_until_it_is_stopped(place: Place) -> None:
    patrol = preloading(place.live)
    patrol.start()
    while not place.live.shelf_ready():
        pass
    patrol.stop()
    assert place.live.shelf_ready() == {OLD.version}


def test_a_rollout_that_is_over_is_not_written_to_and_its_encoder_goes(place: Place) -> None:
    place.watch.now = PREPARING
    place.live.load()
    place.watch.now = standing(0, OLD.version, rollout(RolloutState.ABORTED))
    place.live.load()
    assert place.live.shelf_ready() == {OLD.version}
