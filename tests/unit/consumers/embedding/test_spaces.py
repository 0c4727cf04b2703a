"""Items in two spaces at once, and which encoders those are."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from sqlalchemy import event as sql_event

from consumers.embedding.config import EmbeddingConfig
from consumers.embedding.embedder import Embedder
from consumers.embedding.spaces import WrittenSpaces
from consumers.embedding.stage import embedding_stage
from models.encoders.config import EncoderConfig
from models.encoders.hashing import HashingEncoder
from models.encoders.port import BREAKS, Encoder, Vectors
from models.registry.records import RolloutState
from models.registry.shelf import Shelf
from models.registry.standing import Watch
from schemas.event import Event
from schemas.items import ItemEmbedded, ItemWithdrawn, MediaRef, Modality
from streams.errors import NotYet, Refusal, Unavailable
from streams.media.store import MediaStore
from tests.contract.clocks import HandClock
from tests.contract.pictures import encoded, gradient
from tests.unit.consumers.embedding.builders import absent, curated, incoming, withdrawal
from tests.unit.consumers.embedding.registered import began, hashing_model, moved_on, registry_in, shelf_of
from trainers.rollout.config import RolloutConfig

T = TypeVar("T")
LIVE, CANDIDATE = HashingEncoder(EncoderConfig()), HashingEncoder(EncoderConfig(), salt=1)


class Twin(HashingEncoder):
    """Another version that reads texts with the same tower; counts what it is given."""

    class Tower:
        digest = "one tower"

    texts = Tower()

    def __init__(self, salt: int) -> None:
        super().__init__(EncoderConfig())
        self.version = f"twin-{salt}"
        self.texts_read = self.pictures_seen = 0

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        self.texts_read += len(texts)
        return super().encode_texts(texts)

    def encode_images(self, images: Sequence[bytes]) -> Vectors:
        self.pictures_seen += len(images)
        return super().encode_images(images)


class Blind(HashingEncoder):
    """Sees no pictures."""

    modalities = frozenset({Modality.TEXT})


class Slow:
    """The first time it is asked for the candidate its files cannot be had."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf, self._away = shelf, True

    def get(self, version: str) -> Encoder:
        if version == CANDIDATE.version and self._away:
            self._away = False
            raise Unavailable("the artifact store does not answer")
        return self._shelf.get(version)


class Counting(MediaStore):
    """Counts what is fetched."""

    fetched = 0

    def get(self, ref: MediaRef, max_bytes: int | None = None) -> bytes:
        self.fetched += 1
        return super().get(ref) if max_bytes is None else super().get(ref, max_bytes)


@pytest.fixture
def media(tmp_path: Path) -> Counting:
    return Counting.open(tmp_path / "media")


def told(media: MediaStore, encoders: Sequence[Encoder], *facts: Event) -> list[Sequence[Event] | Refusal]:
    return embedding_stage(lambda: encoders, media, EmbeddingConfig()).outcomes(incoming(*facts))


def test_an_item_is_embedded_in_each_space_the_live_one_first(media: MediaStore) -> None:
    [facts] = told(media, (LIVE, CANDIDATE), curated(text="a mill"))
    assert isinstance(facts, Sequence)
    assert [(type(fact), fact.model_version) for fact in facts] == [  # type: ignore[attr-defined]
        (ItemEmbedded, LIVE.version),
        (ItemEmbedded, CANDIDATE.version),
    ]
    vectors = [np.frombuffer(fact.parts[0].vector, "<f4") for fact in facts]  # type: ignore[attr-defined]
    np.testing.assert_array_equal(vectors[0], LIVE.encode_texts(["a mill"])[0])
    np.testing.assert_array_equal(vectors[1], CANDIDATE.encode_texts(["a mill"])[0])


def test_a_fact_has_the_same_id_whether_its_space_is_live_or_beside_the_live_one(media: MediaStore) -> None:
    [before] = told(media, (LIVE, CANDIDATE), curated(text="a mill"))
    [after] = told(media, (CANDIDATE,), curated(text="a mill"))
    assert isinstance(before, Sequence)
    assert isinstance(after, Sequence)
    assert [fact.event_id for fact in after] == [before[1].event_id]
    assert before[0].event_id != before[1].event_id


def test_a_withdrawal_is_handed_on_once(media: MediaStore) -> None:
    [facts] = told(media, (LIVE, CANDIDATE), withdrawal(version=3))
    assert isinstance(facts, Sequence)
    assert [(type(fact), fact.version) for fact in facts] == [(ItemWithdrawn, 3)]  # type: ignore[attr-defined]


def test_texts_are_read_once_by_a_tower_that_two_versions_share(media: MediaStore) -> None:
    first, second = Twin(1), Twin(2)
    [facts] = told(media, (first, second), curated(text="a mill"))
    assert (first.texts_read, second.texts_read) == (1, 0)
    assert isinstance(facts, Sequence)
    assert facts[0].parts == facts[1].parts  # type: ignore[attr-defined]


def test_towers_that_differ_each_read_their_texts(media: MediaStore) -> None:
    [facts] = told(media, (LIVE, CANDIDATE), curated(text="a mill"))
    assert isinstance(facts, Sequence)
    assert facts[0].parts != facts[1].parts  # type: ignore[attr-defined]


def test_a_picture_is_fetched_once_and_seen_by_each(media: Counting) -> None:
    first, second = Twin(1), Twin(2)
    ref = media.put(encoded(gradient()), "image/png")
    told(media, (first, second), curated("a", Modality.IMAGE, media=ref), curated("b", Modality.IMAGE, media=ref))
    assert (media.fetched, first.pictures_seen, second.pictures_seen) == (1, 1, 1)


def test_a_text_that_lies_elsewhere_is_fetched_once(media: Counting) -> None:
    told(media, (LIVE, CANDIDATE), curated(media=media.put(b"the race of a mill", "text/plain")))
    assert media.fetched == 1


def test_what_only_the_second_space_cannot_take_is_no_dead_letter(media: MediaStore) -> None:
    ref = media.put(encoded(gradient()), "image/png")
    [facts] = told(media, (LIVE, Blind(EncoderConfig(), salt=2)), curated(modality=Modality.IMAGE, media=ref))
    assert isinstance(facts, Sequence)
    assert [(type(fact), fact.version) for fact in facts] == [(ItemEmbedded, 7), (ItemWithdrawn, 6)]  # type: ignore[attr-defined]


def test_what_only_the_live_space_cannot_take_still_reaches_the_second(media: MediaStore) -> None:
    ref = media.put(encoded(gradient()), "image/png")
    [outcome] = told(media, (Blind(EncoderConfig()), CANDIDATE), curated(modality=Modality.IMAGE, media=ref))
    assert isinstance(outcome, NotYet)
    assert [(type(fact), fact.version) for fact in outcome.also] == [(ItemWithdrawn, 6), (ItemEmbedded, 7)]  # type: ignore[attr-defined]


def test_what_no_space_can_take_is_withdrawn_once(media: MediaStore) -> None:
    [outcome] = told(media, (LIVE, CANDIDATE), curated(modality=Modality.IMAGE, media=absent()))
    assert isinstance(outcome, Refusal)
    assert [type(fact) for fact in outcome.also] == [ItemWithdrawn]


def test_without_a_rollout_the_configured_encoder_alone_is_written(tmp_path: Path) -> None:
    registry = registry_in(tmp_path)
    shelf = shelf_of(registry, tmp_path)
    spaces = WrittenSpaces(Watch(registry, shelf.configured.version), shelf)
    assert [encoder.version for encoder in spaces()] == [LIVE.version]


def test_while_a_rollout_is_under_way_its_space_is_written_too(tmp_path: Path) -> None:
    registry = registry_in(tmp_path)
    shelf = shelf_of(registry, tmp_path)
    registry.models.register(hashing_model(CANDIDATE.version, 1))
    began(registry, CANDIDATE.version)
    spaces = WrittenSpaces(Watch(registry, LIVE.version), shelf)
    assert [encoder.version for encoder in spaces()] == [LIVE.version, CANDIDATE.version]


def test_who_writes_stops_before_a_rollout_counts_on_both_spaces(tmp_path: Path) -> None:
    """Without the database nobody can know of a rollout that has begun."""
    registry, clock = registry_in(tmp_path), HandClock()
    spaces = WrittenSpaces(Watch(registry, LIVE.version, clock=clock), shelf_of(registry, tmp_path))
    spaces()

    def gone(*_: object) -> None:
        raise Unavailable("the metadata database does not answer")

    sql_event.listen(registry.engine, "before_cursor_execute", gone)
    clock.now += RolloutConfig().settle_s
    with pytest.raises(Unavailable):
        spaces()


def test_a_candidate_that_is_not_what_was_registered_does_not_stop_the_live_space(tmp_path: Path) -> None:
    registry = registry_in(tmp_path)
    registry.models.register(hashing_model("somebody-else", 1))
    began(registry, "somebody-else")
    spaces = WrittenSpaces(Watch(registry, LIVE.version), shelf_of(registry, tmp_path))
    assert [encoder.version for encoder in spaces()] == [LIVE.version]


def test_a_candidate_that_could_not_be_had_in_time_is_written_as_soon_as_the_backfill_may_begin(tmp_path: Path) -> None:
    registry, clock = registry_in(tmp_path), HandClock()
    shelf = shelf_of(registry, tmp_path)
    registry.models.register(hashing_model(CANDIDATE.version, 1))
    began(registry, CANDIDATE.version)
    spaces = WrittenSpaces(Watch(registry, LIVE.version, refresh_s=0, clock=clock), Slow(shelf), clock)  # type: ignore[arg-type]
    assert [encoder.version for encoder in spaces()] == [LIVE.version]
    moved_on(registry, RolloutState.BACKFILLING)
    clock.now += 1
    assert [encoder.version for encoder in spaces()] == [LIVE.version, CANDIDATE.version]


def test_a_live_model_that_cannot_be_loaded_is_waited_for(tmp_path: Path) -> None:
    registry = registry_in(tmp_path)
    spaces = WrittenSpaces(Watch(registry, "never-registered"), shelf_of(registry, tmp_path))
    with pytest.raises(Unavailable, match="never-registered"):
        spaces()


class Broken(HashingEncoder):
    """Its layers do not fit each other, in one place."""

    def __init__(self, place: str, fault: type[Exception] = RuntimeError) -> None:
        super().__init__(EncoderConfig(), salt=3)
        self._place, self._fault = place, fault

    def split(self, text: str) -> list[str]:
        return super().split(self._broken("split", text))

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        return super().encode_texts(self._broken("texts", texts))

    def encode_images(self, images: Sequence[bytes]) -> Vectors:
        return super().encode_images(self._broken("images", images))

    def _broken(self, place: str, given: T) -> T:
        if place == self._place:
            raise self._fault("shapes cannot be multiplied")
        return given


def captioned(media: MediaStore) -> Event:
    return curated(modality=Modality.IMAGE, media=media.put(encoded(gradient()), "image/png"), text="dawn")


@pytest.mark.parametrize("place", ["split", "texts", "images"])
@pytest.mark.parametrize("fault", BREAKS)
def test_a_candidate_that_breaks_keeps_no_item_from_the_live_space(
    media: MediaStore, place: str, fault: type[Exception]
) -> None:
    heard: list[tuple[str, str]] = []
    broken = Broken(place, fault)
    embedder = Embedder(media, EmbeddingConfig(), lambda version, how: heard.append((version, how)))
    stage = embedding_stage(lambda: (LIVE, broken, CANDIDATE), media, EmbeddingConfig(), embedder)
    [facts] = stage.outcomes(incoming(captioned(media)))
    assert isinstance(facts, Sequence)
    assert [fact.model_version for fact in facts] == [LIVE.version, CANDIDATE.version]  # type: ignore[attr-defined]
    assert heard == [(broken.version, f"{fault.__name__} shapes cannot be multiplied")]


@pytest.mark.parametrize("place", ["split", "texts", "images"])
def test_what_breaks_the_live_encoder_is_a_bug_as_ever(media: MediaStore, place: str) -> None:
    with pytest.raises(RuntimeError, match="shapes"):
        told(media, (Broken(place), CANDIDATE), captioned(media))


def test_while_it_cannot_be_told_that_a_candidate_broke_no_item_goes_on_without_it(media: MediaStore) -> None:
    def away(*_: str) -> None:
        raise Unavailable("the metadata database does not answer")

    stage = embedding_stage(
        lambda: (LIVE, Broken("texts")), media, EmbeddingConfig(), Embedder(media, EmbeddingConfig(), away)
    )
    with pytest.raises(Unavailable):
        stage.outcomes(incoming(curated(text="a mill")))


def test_a_store_that_is_down_is_no_fault_of_a_candidate(media: MediaStore, tmp_path: Path) -> None:
    picture = captioned(media)
    (tmp_path / "media").rename(tmp_path / "unmounted")
    with pytest.raises(Unavailable):
        told(media, (LIVE, CANDIDATE), picture)


def test_a_candidate_that_breaks_while_it_is_loaded_does_not_stop_the_live_space(tmp_path: Path) -> None:
    class Breaking:
        def get(self, version: str) -> Encoder:
            if version == CANDIDATE.version:
                raise RuntimeError("size mismatch")
            return LIVE

    registry = registry_in(tmp_path)
    began(registry, CANDIDATE.version)
    spaces = WrittenSpaces(Watch(registry, LIVE.version), Breaking())  # type: ignore[arg-type]
    assert [encoder.version for encoder in spaces()] == [LIVE.version]
