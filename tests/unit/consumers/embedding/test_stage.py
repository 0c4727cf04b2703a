from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import structlog

from consumers.embedding.config import EmbeddingConfig
from consumers.embedding.stage import embedding_stage
from models.encoders.config import EncoderConfig
from models.encoders.hashing import HashingEncoder
from models.encoders.port import Vectors
from schemas.event import Event
from schemas.items import ItemEmbedded, ItemWithdrawn, MediaFacts, Modality, WithdrawalMode
from schemas.searches import FeedbackGiven
from streams.codec import decode, encode
from streams.errors import BadRecord, NotYet, Unavailable
from streams.media.store import MediaStore
from streams.record import Record
from streams.stage import BatchStage, Outcome
from streams.topics import CURATED, EMBEDDED, RECORD_BYTES
from tests.contract.pictures import encoded, gradient, noise
from tests.unit.consumers.embedding.builders import PUBLISHED_AT, absent, curated, incoming, withdrawal

ENCODER = HashingEncoder(EncoderConfig())


class Untrained(HashingEncoder):
    """An encoder whose picture tower nobody has trained."""

    untrained = frozenset({Modality.IMAGE})


class Counting(HashingEncoder):
    """Remembers how many texts came at once."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__(config)
        self.runs: list[int] = []

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        self.runs.append(len(texts))
        return super().encode_texts(texts)


@pytest.fixture
def media(tmp_path: Path) -> MediaStore:
    return MediaStore.open(tmp_path)


@pytest.fixture
def stage(media: MediaStore) -> BatchStage:
    return embedding_stage(lambda: (ENCODER,), media, EmbeddingConfig())


def embedded(outcome: Outcome) -> ItemEmbedded:
    assert isinstance(outcome, Sequence)
    [fact] = outcome
    assert isinstance(fact, ItemEmbedded)
    return fact


def only(stage: BatchStage, fact: Event) -> Outcome:
    [outcome] = stage.outcomes(incoming(fact))
    return outcome


def vectors(fact: ItemEmbedded) -> Vectors:
    return np.stack([np.frombuffer(part.vector, dtype="<f4") for part in fact.parts])


def test_it_reads_curated_items_and_answers_with_embedded_ones(stage: BatchStage) -> None:
    assert (stage.name, stage.sources, stage.answers) == ("embedding", (CURATED,), (EMBEDDED,))


def test_a_text_becomes_one_part_with_its_words_and_the_bytes_of_its_vector(stage: BatchStage) -> None:
    [part] = embedded(only(stage, curated(text="a mill"))).parts
    assert (part.part, part.modality, part.text, part.untrained) == (0, Modality.TEXT, "a mill", False)
    assert part.vector == ENCODER.encode_texts(["a mill"])[0].astype("<f4").tobytes()


def test_an_embedded_item_names_the_space_of_its_vectors(stage: BatchStage) -> None:
    fact = embedded(only(stage, curated(text="a mill")))
    assert (fact.model_version, fact.dim) == (ENCODER.version, ENCODER.dim)


def test_what_people_filter_by_travels_on(stage: BatchStage, media: MediaStore) -> None:
    described = {
        "source": "wiki",
        "language": "en",
        "tags": ("mills", "rivers"),
        "nsfw_flag": False,
        "licence": "CC0",
        "attributes": {"page": "3"},
    }
    ref = media.put(encoded(gradient()), "image/png")
    fact = embedded(only(stage, curated(modality=Modality.IMAGE, media=ref, media_facts=MediaFacts(), **described)))
    assert {name: getattr(fact, name) for name in described} == described
    assert (fact.tenant, fact.item_id, fact.version, fact.media) == ("acme", "a", 7, ref)
    assert (fact.modality, fact.published_at) == (Modality.IMAGE, PUBLISHED_AT)


def test_a_long_text_becomes_a_part_for_every_window_in_order(stage: BatchStage) -> None:
    text = " ".join(f"Sentence number {number} is about mills." for number in range(200))
    fact = embedded(only(stage, curated(text=text)))
    assert " ".join(part.text or "" for part in fact.parts) == text
    assert [part.part for part in fact.parts] == list(range(len(fact.parts)))
    np.testing.assert_array_equal(vectors(fact), ENCODER.encode_texts([part.text or "" for part in fact.parts]))


def test_a_text_by_reference_is_read_from_the_store(stage: BatchStage, media: MediaStore) -> None:
    fact = embedded(only(stage, curated(media=media.put("the race of a mill — ".encode(), "text/plain"))))
    assert fact.parts[0].text == "the race of a mill —"


def test_a_captioned_picture_has_a_part_for_the_picture_and_one_for_its_words(
    stage: BatchStage, media: MediaStore
) -> None:
    content = encoded(gradient())
    ref = media.put(content, "image/png")
    fact = embedded(only(stage, curated(modality=Modality.IMAGE, media=ref, text="dawn over a mill")))
    assert [(part.modality, part.text) for part in fact.parts] == [
        (Modality.IMAGE, None),
        (Modality.TEXT, "dawn over a mill"),
    ]
    np.testing.assert_array_equal(vectors(fact)[:1], ENCODER.encode_images([content]))


def test_only_vectors_of_an_untrained_tower_are_marked(media: MediaStore) -> None:
    stage = embedding_stage(lambda: (Untrained(EncoderConfig()),), media, EmbeddingConfig())
    ref = media.put(encoded(gradient()), "image/png")
    fact = embedded(only(stage, curated(modality=Modality.IMAGE, media=ref, text="dawn")))
    assert [part.untrained for part in fact.parts] == [True, False]


def test_a_withdrawal_is_handed_on_with_its_version_and_mode(stage: BatchStage) -> None:
    fact = withdrawal(version=9, mode=WithdrawalMode.ERASE)
    [answer] = only(stage, fact)
    assert isinstance(answer, ItemWithdrawn)
    assert (answer.tenant, answer.item_id, answer.version, answer.mode) == ("acme", "a", 9, WithdrawalMode.ERASE)
    assert answer.event_id != fact.event_id


def test_a_withdrawal_without_a_version_is_a_dead_letter(stage: BatchStage) -> None:
    outcome = only(stage, withdrawal())
    assert isinstance(outcome, BadRecord)
    assert outcome.reason == "missing_version"


@pytest.mark.parametrize("modality", [Modality.AUDIO, Modality.VIDEO])
def test_a_modality_without_an_encoder_is_parked_and_says_so(
    stage: BatchStage, media: MediaStore, modality: Modality
) -> None:
    ref = media.put(b"RIFF", "audio/wav")
    outcome = only(stage, curated(modality=modality, media=ref, text="a caption does not help"))
    assert isinstance(outcome, NotYet)
    assert (outcome.reason, outcome.detail) == ("no_encoder", f"no encoder for this modality yet: {modality}")


def test_setting_a_newer_version_aside_withdraws_what_it_would_have_replaced(stage: BatchStage) -> None:
    item = curated(modality=Modality.AUDIO, text="x").model_copy(update={"version": 7})
    outcome = only(stage, item)
    assert isinstance(outcome, NotYet)
    [older] = outcome.also
    assert isinstance(older, ItemWithdrawn)
    assert (older.item_id, older.version, older.mode) == (item.item_id, 6, WithdrawalMode.REPLACED)


def test_setting_the_first_record_of_a_partition_aside_withdraws_nothing(stage: BatchStage) -> None:
    outcome = only(stage, curated(modality=Modality.AUDIO, text="x").model_copy(update={"version": 0}))
    assert isinstance(outcome, NotYet)
    assert outcome.also == ()


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"modality": Modality.IMAGE, "media": absent()}, "media_missing"),
        ({"modality": Modality.IMAGE}, "media_missing"),
        ({"media": absent().model_copy(update={"media_type": "text/plain"})}, "media_missing"),
        ({"text": " \n"}, "nothing_to_embed"),
        ({}, "nothing_to_embed"),
    ],
    ids=["picture absent", "no picture", "text absent", "blank", "nothing"],
)
def test_an_item_without_content_is_a_dead_letter_with_its_reason(
    stage: BatchStage, facts: dict[str, object], reason: str
) -> None:
    outcome = only(stage, curated(**facts))
    assert isinstance(outcome, BadRecord)
    assert outcome.reason == reason


def test_a_picture_that_does_not_decode_is_a_dead_letter(stage: BatchStage, media: MediaStore) -> None:
    ref = media.put(b"no picture", "image/png")
    outcome = only(stage, curated(modality=Modality.IMAGE, media=ref, text="dawn"))
    assert isinstance(outcome, BadRecord)
    assert outcome.reason == "unreadable_image"


def test_a_text_by_reference_that_is_not_utf8_is_a_dead_letter(stage: BatchStage, media: MediaStore) -> None:
    outcome = only(stage, curated(media=media.put(b"\xff\xfe", "text/plain")))
    assert isinstance(outcome, BadRecord)
    assert outcome.reason == "invalid_text"


def test_a_fact_of_another_topic_is_a_dead_letter(stage: BatchStage) -> None:
    fact = FeedbackGiven.model_construct()
    outcome = only(stage, fact)
    assert isinstance(outcome, BadRecord)
    assert outcome.reason == "unexpected_type"


def test_bad_items_never_spoil_their_neighbours_nor_their_order(stage: BatchStage, media: MediaStore) -> None:
    good, bad = media.put(encoded(noise(1)), "image/png"), media.put(b"no picture", "image/png")
    batch = incoming(
        curated("0", text="first"),
        curated("1", modality=Modality.IMAGE, media=bad),
        curated("2", modality=Modality.IMAGE, media=good),
        curated("3", modality=Modality.AUDIO, media=good),
        withdrawal("4", version=2),
        curated("5", text=""),
        curated("6", modality=Modality.IMAGE, media=good.model_copy(update={"length": 1})),
        curated("7", modality=Modality.IMAGE, media=good, text="seventh"),
    )
    kinds = [outcome[0].item_id if isinstance(outcome, Sequence) else outcome for outcome in stage.outcomes(batch)]  # type: ignore[attr-defined]
    reasons = [kind if isinstance(kind, str) else kind.reason for kind in kinds]
    assert reasons == ["0", "unreadable_image", "2", "no_encoder", "4", "nothing_to_embed", "media_missing", "7"]


def test_a_redelivered_batch_gives_the_same_ids_and_the_same_bytes(stage: BatchStage, media: MediaStore) -> None:
    ref = media.put(encoded(noise(2)), "image/png")
    facts = [curated("a", text="a mill"), curated("b", Modality.IMAGE, media=ref), withdrawal("c", version=3)]
    first, second = (
        [answer for outcome in stage.outcomes(incoming(*facts)) for answer in outcome]  # type: ignore[union-attr]
        for _ in range(2)
    )
    assert [answer.event_id for answer in first] == [answer.event_id for answer in second]
    assert [encode(answer, "test").value for answer in first] == [encode(answer, "test").value for answer in second]


def test_an_item_gives_the_same_answer_in_whatever_batch_it_comes(stage: BatchStage) -> None:
    item = curated("a", text="a mill by the river")
    alone = only(stage, item)
    among = stage.outcomes(incoming(curated("b", text="other words"), item, curated("c", text="more")))[1]
    assert encode(embedded(alone), "test").value == encode(embedded(among), "test").value


def test_all_texts_of_a_batch_are_encoded_in_one_run_and_equal_ones_once(media: MediaStore) -> None:
    encoder = Counting(EncoderConfig())
    stage = embedding_stage(lambda: (encoder,), media, EmbeddingConfig())
    stage.outcomes(incoming(curated("a", text="one"), curated("b", text="two"), curated("c", text="one")))
    assert encoder.runs == [2]


def test_an_empty_batch_has_no_outcomes(stage: BatchStage) -> None:
    assert stage.outcomes([]) == []


def test_a_store_that_is_down_fails_the_whole_batch_for_a_later_try(tmp_path: Path) -> None:
    store = MediaStore.open(tmp_path / "store")
    ref = store.put(encoded(gradient()), "image/png")
    (tmp_path / "store").rename(tmp_path / "unmounted")
    stage = embedding_stage(lambda: (ENCODER,), store, EmbeddingConfig())
    with pytest.raises(Unavailable):
        stage.outcomes(incoming(curated("a", text="fine"), curated("b", Modality.IMAGE, media=ref)))


def test_a_text_beyond_its_last_part_is_cut_and_the_log_says_so(media: MediaStore) -> None:
    encoder = HashingEncoder(EncoderConfig(max_parts=2))
    stage = embedding_stage(lambda: (encoder,), media, EmbeddingConfig())
    with structlog.testing.capture_logs() as logs:
        fact = embedded(only(stage, curated(text="word " * 5000)))
    left_out = 24_999 - 2 * len(fact.parts[0].text or "") - len(" " * 2)
    assert len(fact.parts) == 2
    assert [(line["event"], line["item_id"], line["left_out_chars"]) for line in logs] == [("text_cut", "a", left_out)]


def test_the_longest_text_of_the_widest_letters_fits_into_a_record(media: MediaStore) -> None:
    widest = HashingEncoder(EncoderConfig(max_parts=64, max_part_chars=3000))
    stage = embedding_stage(lambda: (widest,), media, EmbeddingConfig())
    ref = media.put(("\U00020000" * 2999 + " ").encode() * 100, "text/plain")
    fact = embedded(only(stage, curated(media=ref)))
    assert len(fact.parts) == 64
    assert len(encode(fact, "test").value) < RECORD_BYTES - 64 * 1024


def test_what_it_answers_survives_the_wire(stage: BatchStage) -> None:
    fact = embedded(only(stage, curated(text="a mill")))
    record = encode(fact, "test")
    assert decode(Record("t", 0, 0, record.key, record.value, record.headers), EMBEDDED.events) == fact
