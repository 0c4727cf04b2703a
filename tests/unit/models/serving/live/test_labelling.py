"""Which heads answer, on which encoder, while generations come and go."""

import threading
from dataclasses import replace

import numpy as np
import pytest

from models.heads.bundle import HeadBundle, HeadName
from models.heads.linear import Head
from models.registry.records import Rollout, RolloutState
from models.registry.standing import Standing
from models.serving.config import SearchConfig
from models.serving.live.encoders import Labelling, LiveEncoders
from streams.errors import BadRecord, Unavailable
from tests.unit.models.serving.live.standings import NEW, OLD, TRACE, Moved, Said, Shelf

CONFIG = SearchConfig(switch_lag_s=60, load_again_s=10)
FIRST, SECOND = "heads-1", "heads-2"


def bundle(encoder_version: str = OLD.version, first: str = "a") -> HeadBundle:
    head = Head((first, "z"), np.zeros((2, 384)), np.array([1.0, 0.0]), np.zeros(384), 1.0)
    return HeadBundle(encoder_version, {HeadName("default", "topic"): head})


def serving(generation: int, model: str, encoder: str = OLD.version, under_way: Rollout | None = None) -> Standing:
    return Standing(generation, model, encoder, under_way)


def head_rollout(to: str, before: str) -> Rollout:
    versions = (to, OLD.version, before, OLD.version)
    return Rollout("r", *versions, RolloutState.PREPARING, 0.0, False, "tests", TRACE, 1, 1)


class Place:
    """Live heads and everything that they look at."""

    def __init__(self, now: Standing) -> None:
        self.watch, self.shelf, self.clock = Said(now), Shelf(), Moved()
        self.bundles: dict[str, HeadBundle | Exception] = {
            FIRST: bundle(first="first"),
            SECOND: bundle(first="second"),
            NEW.version: bundle(NEW.version),
        }
        self.asked: list[str] = []
        self.live = LiveEncoders(self.watch, self.shelf.get, CONFIG, self.clock, self._heads)

    def _heads(self, version: str) -> HeadBundle | None:
        self.asked.append(version)
        found = self.bundles.get(version)
        if isinstance(found, Exception):
            raise found
        return found

    def answering(self) -> tuple[int, str, str]:
        found = self.live.labelling()
        return found.generation, found.model_version, found.encoder.version


def test_nothing_is_answered_before_the_heads_are_loaded() -> None:
    place = Place(serving(1, FIRST))
    with pytest.raises(Unavailable, match=f"heads {FIRST} of generation 1 are not ready: it is being loaded"):
        place.answering()
    place.live.load()
    assert place.answering() == (1, FIRST, OLD.version)


def test_a_model_without_heads_says_so() -> None:
    place = Place(serving(0, OLD.version))
    place.live.load()
    assert place.live.labelling().heads is None


def test_heads_are_asked_for_once_and_no_question_loads_them() -> None:
    place = Place(serving(1, FIRST))
    place.live.load()
    for _ in range(3):
        place.live.load()
        place.answering()
    assert place.asked == [FIRST]


def test_the_heads_of_a_rollout_are_there_before_it_switches_and_after_it_went_back() -> None:
    place = Place(serving(1, FIRST, under_way=head_rollout(SECOND, FIRST)))
    place.live.load()
    place.watch.now = serving(2, SECOND)
    assert place.answering() == (2, SECOND, OLD.version)
    place.watch.now = serving(3, FIRST)
    assert place.answering() == (3, FIRST, OLD.version)


def test_heads_that_are_not_loaded_yet_leave_the_former_ones_in_place_and_searches_switch_at_once() -> None:
    place = Place(serving(1, FIRST))
    place.live.load()
    place.watch.now = serving(2, SECOND)
    assert place.answering() == (1, FIRST, OLD.version)
    [turn] = place.live.turns(lambda: 1.0)
    assert (turn.generation, place.live.behind(), place.live.without_heads()) == (2, None, None)
    place.live.load()
    assert place.answering() == (2, SECOND, OLD.version)


def test_former_heads_answer_for_a_bounded_time_only() -> None:
    place = Place(serving(1, FIRST))
    place.live.load()
    place.bundles[SECOND] = BadRecord("artifact_corrupt", "heads.safetensors")
    place.watch.now = serving(2, SECOND)
    place.live.load()
    assert "artifact_corrupt" in (place.live.without_heads() or "")
    assert place.answering() == (1, FIRST, OLD.version)
    place.clock.now_s = 60.1
    with pytest.raises(Unavailable, match="artifact_corrupt"):
        place.answering()
    assert place.live.ready() is None  # searches need no heads
    assert place.live.failures() == {SECOND: "artifact_corrupt: heads.safetensors"}


def test_heads_that_could_not_be_had_are_tried_again_later() -> None:
    place = Place(serving(1, FIRST))
    place.bundles[FIRST] = Unavailable("the artifact store does not answer")
    place.live.load()
    place.live.load()
    assert place.asked == [FIRST]
    place.bundles[FIRST] = bundle()
    place.clock.now_s = 10.0
    place.live.load()
    assert place.answering() == (1, FIRST, OLD.version)


def test_an_encoder_and_the_heads_that_it_brings_switch_together() -> None:
    under_way = replace(
        head_rollout(NEW.version, FIRST), encoder_version=NEW.version, state=RolloutState.BACKFILLING, share=0.5
    )
    place = Place(serving(1, FIRST, under_way=under_way))
    place.live.load()
    assert place.answering() == (1, FIRST, OLD.version)
    place.watch.now = serving(2, NEW.version, NEW.version)
    assert place.answering() == (2, NEW.version, NEW.version)


def test_heads_wait_for_the_encoder_that_they_belong_to() -> None:
    place = Place(serving(1, FIRST))
    place.live.load()
    place.shelf.missing[NEW.version] = BadRecord("artifact_damaged", "image-tower.safetensors")
    place.watch.now = serving(2, NEW.version, NEW.version)
    place.live.load()
    assert place.answering() == (1, FIRST, OLD.version)


def test_heads_never_meet_the_vectors_of_another_encoder() -> None:
    with pytest.raises(Unavailable, match=f"fitted to {NEW.version}, and {OLD.version} serves"):
        Labelling(1, FIRST, OLD, bundle(NEW.version))


def test_heads_that_were_fitted_to_another_encoder_answer_nothing() -> None:
    place = Place(serving(1, FIRST))
    place.bundles[FIRST] = bundle(NEW.version)
    place.live.load()
    with pytest.raises(Unavailable, match="fitted to"):
        place.answering()


def test_without_that_rule_they_would_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sabotage: nothing else would notice."""
    monkeypatch.setattr(Labelling, "__post_init__", lambda self: None)
    place = Place(serving(1, FIRST))
    place.bundles[FIRST] = bundle(NEW.version)
    place.live.load()
    found = place.live.labelling()
    assert found.heads is not None
    head = found.heads.heads[HeadName("default", "topic")]
    assert head.probabilities(found.encoder.encode_texts(["anything"])).shape == (1, 2)


def test_heads_that_have_had_their_time_are_let_go() -> None:
    place = Place(serving(1, FIRST))
    place.live.load()
    place.watch.now = serving(2, SECOND)
    place.live.load()
    place.live.load()
    place.watch.now = serving(3, FIRST)
    place.live.load()
    assert place.asked == [FIRST, SECOND, FIRST]


def test_one_encoder_alone_may_bring_heads() -> None:
    assert LiveEncoders.of(OLD, heads=bundle()).labelling().heads is not None
    assert LiveEncoders.of(OLD).labelling().heads is None


def test_no_question_meets_parts_of_two_generations_while_they_change() -> None:
    """Heads and encoders come and go under questions from several threads; each takes what was one standing."""
    models = ((FIRST, OLD.version), (SECOND, OLD.version), (NEW.version, NEW.version))
    standings = [serving(number, *models[number % 3]) for number in range(1, 301)]
    allowed = {(one.generation, one.model_version, one.encoder_version) for one in standings}
    place, ended = Place(standings[0]), threading.Event()
    place.live.load()
    seen: list[tuple[int, str, str]] = []
    faults: list[Exception] = []

    def ask() -> None:
        try:
            while not ended.is_set():
                found = place.live.labelling()
                assert found.heads is place.bundles[found.model_version]
                seen.append((found.generation, found.model_version, found.encoder.version))
        except (AssertionError, LookupError, Unavailable) as fault:
            faults.append(fault)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for now in standings:
        place.watch.now = now
        place.live.load()
    ended.set()
    for thread in threads:
        thread.join()
    assert faults == []
    assert set(seen) <= allowed
    assert len({generation for generation, _, _ in seen}) > 10
