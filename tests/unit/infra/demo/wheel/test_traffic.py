"""Answers that mix two models are found by computing them anew. The encoders are hashing ones with other directions."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import httpx
import numpy as np
import pytest

from infra.demo.wheel.traffic import Answer, Cosine, Traffic, cosines, mixed, question
from models.encoders.config import EncoderConfig
from models.encoders.hashing import HashingEncoder
from tests.contract.pictures import encoded, noise
from tests.unit.trainers.jobs.bench import until

ITEMS = {f"item-{number}": encoded(noise(number)) for number in range(12)}
ENCODERS = {encoder.version: encoder for encoder in (HashingEncoder(EncoderConfig(), salt) for salt in (0, 1, 2))}
OLD, NEW, OTHER = ENCODERS


def scores(version: str, digit: str, items: list[str], seen_by: str = "") -> Mapping[str, float]:
    """As the index of a model scores; pictures seen by another one are what must not happen."""
    [words] = ENCODERS[version].encode_texts([question(digit)])
    pictures = ENCODERS[seen_by or version].encode_images([ITEMS[item] for item in items])
    return dict(zip(items, map(float, pictures @ words), strict=True))


def answer(version: str = OLD, digit: str = "seven", **fields: object) -> Answer:
    said = {"scores": scores(version, digit, list(ITEMS)[:5])}
    return Answer(digit, 1.0, version, **(said | fields))  # type: ignore[arg-type]


@pytest.fixture
def cosine() -> Cosine:
    return cosines(ENCODERS.__getitem__, ITEMS.__getitem__, ITEMS)


def test_answers_of_one_model_each_are_not_mixed(cosine: Cosine) -> None:
    assert mixed([answer(OLD), answer(NEW), answer(NEW, "one"), answer(OLD, scores={})], cosine) == 0


def test_every_planted_mixture_is_counted_once(cosine: Cosine) -> None:
    named_wrongly = replace(answer(NEW), model_version=OLD)
    other_pictures = answer(OLD, scores=scores(OLD, "seven", list(ITEMS), seen_by=NEW))
    good = scores(NEW, "seven", list(ITEMS)[:9])
    one_of_ten = answer(NEW, scores={**good, **scores(NEW, "seven", ["item-11"], seen_by=OTHER)})
    answers = [answer(OLD), named_wrongly, answer(NEW), other_pictures, one_of_ten]
    assert mixed(answers, cosine) == 3


def test_what_the_index_rounds_away_is_no_mixture(cosine: Cosine) -> None:
    rounded = {item: float(np.float16(score)) for item, score in answer().scores.items()}
    assert mixed([answer(scores=rounded)], cosine) == 0


def test_each_model_looks_at_the_pictures_once() -> None:
    asked: list[str] = []

    def encoder_of(version: str) -> HashingEncoder:
        asked.append(version)
        return ENCODERS[version]

    mixed([answer(OLD), answer(NEW), answer(OLD, "two")], cosines(encoder_of, ITEMS.__getitem__, ITEMS))
    assert asked == [OLD, NEW]


def test_the_longest_gap_is_between_two_good_answers() -> None:
    people = Traffic(lambda: "", {}, [replace(answer(), ended_s=float(end)) for end in (0, 1, 4, 5)])
    assert people.longest_gap_s() == 3
    assert Traffic(lambda: "", {}).longest_gap_s() == 0
    assert Traffic(lambda: "", {}, [answer()], ["refused"]).searches == 2


def test_searches_that_nobody_answers_are_counted_with_why(monkeypatch: pytest.MonkeyPatch) -> None:
    away = httpx.MockTransport(lambda _: httpx.Response(503))
    monkeypatch.setattr("infra.demo.wheel.traffic.httpx.Client", partial(httpx.Client, transport=away))
    people = Traffic(lambda: "http://search", {})
    people.start()
    until(lambda: len(people.failed) > 1, "searches")
    people.stop()
    assert "503" in people.failed[0]
    assert people.answers == []
    assert people.searches == len(people.failed)
