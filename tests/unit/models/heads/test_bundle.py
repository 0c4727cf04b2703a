from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from models.heads import bundle as module
from models.heads.bundle import HeadBundle, HeadName, bundle_from_bytes, bundle_to_bytes, version_of
from models.heads.linear import Head
from models.heads.saving import heads_to_bytes, packed, words_of
from streams.errors import BadRecord

TOPIC, TONE, THEIRS = HeadName("default", "topic"), HeadName("default", "tone"), HeadName("acme", "topic")


def head(*classes: str, dim: int = 4, seed: int = 0, **fields: float) -> Head:
    numbers = np.random.default_rng(seed)
    weights, bias = numbers.normal(size=(len(classes), dim)), numbers.normal(size=len(classes))
    return replace(Head(classes, weights, bias, np.ones(dim), 2.0, 1.5), **fields)


def bundle(**heads: Head) -> HeadBundle:
    names = {"topic": TOPIC, "tone": TONE, "theirs": THEIRS}
    return HeadBundle("mini-1", {names[name]: one for name, one in heads.items()})


WHOLE = bundle(topic=head("arts", "news"), tone=head("warm", "cold", "dry", seed=1), theirs=head("a", "b", seed=2))


def test_heads_come_back_from_bytes_as_they_were() -> None:
    found = bundle_from_bytes(bundle_to_bytes(WHOLE))
    assert (found.encoder_version, set(found.heads)) == ("mini-1", {TOPIC, TONE, THEIRS})
    for name, one in found.heads.items():
        ours = WHOLE.heads[name]
        assert (one.classes, one.scale, one.temperature) == (ours.classes, ours.scale, ours.temperature)
        np.testing.assert_array_equal(one.weights, ours.weights)


def test_equal_heads_give_equal_bytes_in_whatever_order_they_came() -> None:
    other = HeadBundle("mini-1", dict(reversed(WHOLE.heads.items())))
    assert bundle_to_bytes(other) == bundle_to_bytes(WHOLE)


def test_no_heads_are_a_bundle_too() -> None:
    assert bundle_from_bytes(bundle_to_bytes(bundle())).heads == {}


def test_a_tenant_has_its_own_tasks() -> None:
    assert (WHOLE.tasks("default"), WHOLE.tasks("acme"), WHOLE.tasks("other")) == (["tone", "topic"], ["topic"], [])


def test_the_version_depends_on_the_numbers_and_on_the_encoder() -> None:
    content = bundle_to_bytes(WHOLE)
    other = bundle_to_bytes(bundle(topic=head("arts", "news", seed=7)))
    names = {version_of(content, "mini-1"), version_of(content, "mini-2"), version_of(other, "mini-1")}
    assert len(names) == 3
    assert version_of(content, "mini-1") in names
    assert all(name.startswith("heads-") and len(name) == 18 for name in names)


@pytest.mark.parametrize("content", [b"", b"pickle", bundle_to_bytes(WHOLE)[:-3], heads_to_bytes([head("a", "b")])])
def test_bytes_that_are_no_bundle_are_a_bad_record(content: bytes) -> None:
    with pytest.raises(BadRecord, match="head_unreadable"):
        bundle_from_bytes(content)


@pytest.mark.parametrize(
    "broken",
    [
        head("a", "b", scale=0.0),
        head("a", "b", scale=float("nan")),
        head("a", "b", temperature=-1.0),
        head("a", "b", temperature=float("inf")),
        head("a", "a"),
        head(),
        replace(head("a", "b"), weights=np.full((2, 4), np.nan)),
        replace(head("a", "b"), bias=np.zeros(2, dtype=np.float32)),
        replace(head("a", "b"), bias=np.zeros(3)),
    ],
    ids=["scale 0", "scale nan", "temperature", "infinite", "twice", "none", "nan", "single", "shapes"],
)
def test_a_head_that_could_not_answer_is_a_bad_record(broken: Head) -> None:
    words = {"encoder": "mini-1", "heads": [{"tenant": "default", "task": "topic"} | words_of(broken)]}
    with pytest.raises(BadRecord, match="head_unreadable"):
        bundle_from_bytes(packed(module._FORMAT, [broken], words))


def test_two_heads_of_one_task_are_a_bad_record() -> None:
    one, other = head("a", "b"), head("a", "c")
    about = [{"tenant": "default", "task": "topic"} | words_of(each) for each in (one, other)]
    with pytest.raises(BadRecord, match="two heads"):
        bundle_from_bytes(packed(module._FORMAT, [one, other], {"encoder": "mini-1", "heads": about}))


def test_heads_for_vectors_of_several_lengths_are_a_bad_record() -> None:
    with pytest.raises(BadRecord, match="several lengths"):
        bundle_from_bytes(bundle_to_bytes(bundle(topic=head("a", "b"), tone=head("a", "b", dim=5))))


@pytest.mark.parametrize("way", [bundle_to_bytes, lambda one: bundle_from_bytes(packed_anyway(one))])
@pytest.mark.parametrize(("bound", "most"), [("MAX_HEADS", 2), ("MAX_CLASSES", 2), ("MAX_BYTES", 100)])
def test_more_than_is_allowed_is_neither_written_nor_read(
    way: Callable[[HeadBundle], object], bound: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, bound, most)
    with pytest.raises(BadRecord, match="heads_too_large"):
        way(WHOLE)


def packed_anyway(one: HeadBundle) -> bytes:
    about = [{"tenant": name.tenant, "task": name.task} | words_of(each) for name, each in one.heads.items()]
    return packed(module._FORMAT, list(one.heads.values()), {"encoder": one.encoder_version, "heads": about})
