from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from consumers.indexing.stage import indexing_stage
from models.vector_index.port import MAX_DIM, Applied, Entry, IndexQuery, VectorIndex
from models.vector_index.server import ServerVectorIndex
from schemas.event import Event
from schemas.items import EmbeddedPart, ItemEmbedded, ItemIndexed, ItemWithdrawn, MediaRef, Modality
from schemas.searches import FeedbackGiven, FeedbackKind
from streams.errors import BadRecord, Refusal, Unavailable
from streams.record import Origin
from streams.stage import Incoming, Outcome
from streams.topics import EMBEDDED
from tests.contract.local_index import local_index, local_spaces
from tests.contract.vector_index import DIM, EAST, NORTH, SPACE, direction

PUBLISHED_AT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


@pytest.fixture
def index() -> Iterator[VectorIndex]:
    index = local_index()
    yield index
    index.close()


def embedded(item_id: str = "mill", version: int = 1, **fields: Any) -> ItemEmbedded:
    given = {
        "item_id": item_id,
        "version": version,
        "modality": Modality.TEXT,
        "model_version": SPACE,
        "dim": DIM,
        "parts": (vector(0, EAST, text="mill"),),
        "published_at": PUBLISHED_AT,
    }
    return ItemEmbedded.model_validate(given | fields)


def vector(number: int, numbers: Sequence[float], **fields: Any) -> EmbeddedPart:
    values = np.array(numbers, "<f4").tobytes()
    return EmbeddedPart.model_validate({"part": number, "modality": Modality.TEXT, "vector": values, **fields})


def handled(index: VectorIndex, *facts: Event) -> list[Outcome]:
    batch = [Incoming(fact, Origin("items.embedded", 0, at)) for at, fact in enumerate(facts)]
    return indexing_stage(index).outcomes(batch)


def told(index: VectorIndex, *facts: Event) -> list[Sequence[Event]]:
    """The events of facts of which none is refused."""
    outcomes = handled(index, *facts)
    return [outcome for outcome in outcomes if not isinstance(outcome, Refusal)]


def found(index: VectorIndex, text: str) -> list[str]:
    return [one.item_id for one in index.search(IndexQuery("default", SPACE, 10, text=text))]


def test_an_embedded_item_is_found_and_told_as_indexed(index: VectorIndex) -> None:
    [[fact]] = told(index, embedded(version=5, parts=(vector(0, EAST, text="mill"), vector(1, NORTH, text="race"))))
    assert isinstance(fact, ItemIndexed)
    assert (fact.item_id, fact.version, fact.parts, fact.model_version) == ("mill", 5, 2, SPACE)
    assert fact.published_at == PUBLISHED_AT
    assert found(index, "race") == ["mill"]


def test_all_that_people_filter_by_reaches_the_index(index: VectorIndex) -> None:
    media = MediaRef(uri="media/ab/cd", sha256="0" * 64, length=3, media_type="image/png")
    described: dict[str, Any] = {"source": "zoo", "language": "en", "tags": ("a",), "nsfw_flag": True, "media": media}
    handled(index, embedded(modality=Modality.IMAGE, **described))
    [one] = index.search(IndexQuery("default", SPACE, 1, vector=direction(*EAST)))
    assert (one.source, one.language, one.tags, one.nsfw_flag) == ("zoo", "en", ("a",), True)
    assert (one.uri, one.modality) == ("media/ab/cd", Modality.IMAGE)


def test_a_withdrawal_is_told_as_indexed_without_parts(index: VectorIndex) -> None:
    [[_], [fact]] = told(index, embedded(version=5), ItemWithdrawn(item_id="race", version=6))
    assert isinstance(fact, ItemIndexed)
    assert (fact.item_id, fact.version, fact.parts, fact.model_version, fact.published_at) == ("race", 6, 0, None, None)


def test_a_redelivery_tells_the_same_fact_again(index: VectorIndex) -> None:
    item = embedded()
    [[first]], [[again]] = told(index, item), told(index, item)
    assert first.event_id == again.event_id


def test_a_version_that_comes_too_late_is_told_nothing_of(index: VectorIndex) -> None:
    handled(index, ItemWithdrawn(item_id="mill", version=5))
    assert handled(index, embedded(version=4)) == [()]
    assert found(index, "mill") == []


def test_a_version_followed_by_a_newer_one_in_its_batch_is_told_nothing_of(index: VectorIndex) -> None:
    first, second = told(index, embedded(version=1), ItemWithdrawn(item_id="mill", version=2))
    assert (first, len(second)) == ((), 1)


def test_items_of_two_models_lie_in_spaces_of_their_own(index: VectorIndex) -> None:
    wider = embedded("wide", model_version="wide-1", dim=5, parts=(vector(0, (*EAST, 0.0)),))
    assert [len(outcome) for outcome in told(index, embedded(), wider)] == [1, 1]
    assert len(index.search(IndexQuery("default", SPACE, 10, vector=direction(*EAST)))) == 1


@pytest.mark.parametrize(
    ("fact", "reason"),
    [
        (ItemWithdrawn(item_id="bad"), "missing_version"),
        (embedded("bad", dim=5, parts=(vector(0, (*EAST, 0.0)),)), "wrong_dim"),
        (embedded("bad", model_version="new", dim=MAX_DIM + 1, parts=(vector(0, [1.0] * (MAX_DIM + 1)),)), "wrong_dim"),
        (embedded("bad", parts=(vector(0, (1.0, float("nan"), 0.0, 0.0)),)), "invalid_vector"),
        (embedded("bad", parts=(vector(0, EAST), vector(1, (float("inf"), 0.0, 0.0, 0.0)))), "invalid_vector"),
        (embedded("bad", parts=(vector(0, (0.0, 0.0, 0.0, 0.0)),)), "invalid_vector"),
        (embedded("bad", parts=(vector(1, EAST),)), "wrong_parts"),
        (embedded("bad", parts=(vector(0, EAST), vector(0, EAST))), "wrong_parts"),
        (FeedbackGiven(impression_id=UUID(int=1), kind=FeedbackKind.CLICK, consent=True), "unexpected_type"),
    ],
)
def test_a_fact_that_no_index_can_take_is_refused_and_spoils_no_neighbour(
    index: VectorIndex, fact: Event, reason: str
) -> None:
    _, refused, _ = handled(index, embedded("before"), fact, embedded("after"))
    assert isinstance(refused, BadRecord)
    assert refused.reason == reason
    assert sorted(found(index, "mill")) == ["after", "before"]


class Down(ServerVectorIndex):
    """An index whose engine does not answer."""

    def apply(self, entries: Sequence[Entry]) -> list[Applied]:
        raise Unavailable("the index is down")


def test_an_index_that_is_down_makes_the_whole_batch_wait() -> None:
    index = local_index()
    index.__class__ = Down
    with pytest.raises(Unavailable):
        handled(index, embedded())


def test_the_stage_reads_what_is_embedded() -> None:
    stage = indexing_stage(local_index())
    assert (stage.name, stage.sources) == ("indexing", (EMBEDDED,))


def test_content_for_a_space_that_nobody_wants_is_never_told() -> None:
    with closing(local_spaces(lambda: (SPACE,))) as spaces:
        spaces.ensure_space(SPACE, DIM)
        assert told(spaces, embedded("old", model_version="a-dropped-one")) == [()]
        [[fact]] = told(spaces, embedded("new"))
        assert isinstance(fact, ItemIndexed)


def test_an_item_in_two_spaces_is_told_for_each_and_its_withdrawal_once() -> None:
    with closing(local_spaces(lambda: (SPACE, "next-1"))) as spaces:
        facts = embedded(version=1), embedded(version=1, model_version="next-1")
        assert [fact.model_version for [fact] in told(spaces, *facts)] == [SPACE, "next-1"]  # type: ignore[attr-defined]
        [[gone]] = told(spaces, ItemWithdrawn(item_id="mill", version=2))
        assert isinstance(gone, ItemIndexed)
        assert (gone.parts, gone.model_version) == (0, None)
