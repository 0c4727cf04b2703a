"""What curation answers to good items, changed items and withdrawals."""

from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from uuid import uuid5

import pytest

from schemas.event import Event
from schemas.items import ItemCurated, ItemRejected, ItemWithdrawn, Modality, RejectReason, WithdrawalMode
from streams.codec import encode
from streams.media.store import MediaStore
from streams.record import Origin
from streams.stage import BatchStage
from streams.topics import RECORD_BYTES
from tests.unit.consumers.curation.builders import PROSE, incoming, picture, published, sound, video, wav

Build = Callable[..., BatchStage]
OTHER_PROSE = "Flour is ground between two stones, of which only the upper one turns."


def answered(stage: BatchStage, *facts: Event) -> list[list[Event]]:
    """The events that follow each fact, when they are handled as one batch at offsets 0, 1, 2 …"""
    batch = [incoming(fact, offset) for offset, fact in enumerate(facts)]  # type: ignore[arg-type]
    return [list(outcome) for outcome in stage.handle(batch)]  # type: ignore[arg-type]


def curated(stage: BatchStage, fact: Event) -> ItemCurated:
    [[event]] = answered(stage, fact)
    assert isinstance(event, ItemCurated), event
    return event


def test_a_text_is_curated_with_everything_known_about_it(build: Build) -> None:
    item = published(
        "t", text=f"\ufeff{PROSE}\r\n", source="book", tags=("a", "b"), attributes={"page": "7"}, licence="CC0"
    )
    event = curated(build(), item)
    assert event.text == PROSE
    assert event.content_sha256 == sha256(PROSE.encode()).hexdigest()
    assert (event.modality, event.language, event.version) == (Modality.TEXT, "en", 0)
    assert (event.source, event.tags, event.attributes, event.licence) == ("book", ("a", "b"), {"page": "7"}, "CC0")
    assert event.language_confidence is not None


def test_the_answer_follows_its_cause(build: Build) -> None:
    item = published(occurred_at=datetime(2026, 1, 2, tzinfo=UTC))
    event = curated(build(), item)
    assert event.published_at == item.occurred_at
    assert event.event_id == uuid5(item.event_id, "ItemCurated/0")
    assert event.traceparent[3:35] == item.traceparent[3:35]


def test_the_version_is_the_offset_with_the_epoch_of_the_log_above_it(build: Build) -> None:
    [[event]] = build(log_epoch=3).handle([incoming(published(), 41)])  # type: ignore[misc]
    assert isinstance(event, ItemCurated)
    assert event.version == Origin("", 0, 41).version(3)


@pytest.mark.parametrize(
    ("content", "media_type", "modality"),
    [
        (picture("JPEG"), "image/jpeg", Modality.IMAGE),
        (wav(), "audio/wav", Modality.AUDIO),
        (sound("mp3", "libmp3lame"), "audio/mpeg", Modality.AUDIO),
        (video(), "video/mp4", Modality.VIDEO),
    ],
)
def test_media_are_curated_by_reference_with_their_facts(
    build: Build, media: MediaStore, content: bytes, media_type: str, modality: Modality
) -> None:
    event = curated(build(), published(media=media.put(content, media_type), text=f" {PROSE}\0"))
    assert event.media is not None
    assert event.media_facts is not None
    assert (event.modality, event.media.media_type, event.text) == (modality, media_type, PROSE)
    assert event.content_sha256 == sha256(content).hexdigest()


def test_a_wrong_extension_of_the_right_kind_is_put_right(build: Build, media: MediaStore) -> None:
    event = curated(build(), published(media=media.put(picture("PNG"), "image/jpeg")))
    assert event.media is not None
    assert event.media.media_type == "image/png"


def test_a_text_file_becomes_text_and_equals_the_same_words(build: Build, media: MediaStore) -> None:
    file = published("file", media=media.put(b"\xef\xbb\xbf" + PROSE.encode() + b"\r\n", "text/plain"))
    [[first], [second]] = answered(build(), file, published("words"))
    assert isinstance(first, ItemCurated)
    assert (first.text, first.media, first.modality) == (PROSE, None, Modality.TEXT)
    assert isinstance(second, ItemRejected)
    assert (second.reason, second.measured) == (RejectReason.EXACT_DUPLICATE, "file")


def test_a_text_file_with_a_title_becomes_both(build: Build, media: MediaStore) -> None:
    assert curated(build(), published(media=media.put(PROSE.encode(), "text/plain"), text="The mill")).text == (
        f"The mill\n\n{PROSE}"
    )


def test_a_long_text_travels_by_reference_to_its_clean_words(build: Build, media: MediaStore) -> None:
    raw = (PROSE + "\r\n") * 6000
    event = curated(build(), published(text=raw))
    assert event.text is None
    assert event.media is not None
    assert media.get(event.media).decode() == raw.replace("\r\n", "\n").strip()
    assert event.media.media_type == "text/plain"


def test_the_largest_answer_fits_into_a_record(build: Build, media: MediaStore) -> None:
    worst = '"\\' * (128 * 1024)
    item = published(media=media.put(picture(), "image/png"), text=worst, attributes={"k": '"' * 65_000})
    assert encode(curated(build(), item), "millrace/curation").size < RECORD_BYTES


def test_a_declared_language_stands_where_none_can_be_found(build: Build) -> None:
    event = curated(build(), published(text="12:30", language="de-CH"))
    assert (event.language, event.language_confidence) == ("de", None)


def test_a_language_that_was_found_beats_the_declared_one(build: Build) -> None:
    assert curated(build(), published(language="fr")).language == "en"


def test_an_exact_duplicate_is_rejected_with_the_item_it_repeats(build: Build, media: MediaStore) -> None:
    ref = media.put(picture(), "image/png")
    [[_], [second]] = answered(build(), published("first", media=ref), published("second", media=ref))
    assert isinstance(second, ItemRejected)
    assert (second.reason, second.measured) == (RejectReason.EXACT_DUPLICATE, "first")


def test_an_item_published_again_unchanged_gets_a_new_version(build: Build) -> None:
    [[_], [again]] = answered(build(), published("a"), published("a"))
    assert isinstance(again, ItemCurated)
    assert again.version == 1


def test_a_withdrawal_gets_its_version_and_frees_the_content(build: Build) -> None:
    withdrawal = ItemWithdrawn(item_id="a", mode=WithdrawalMode.ERASE)
    [[_], [withdrawn], [other]] = answered(build(), published("a"), withdrawal, published("b"))
    assert isinstance(withdrawn, ItemWithdrawn)
    assert (withdrawn.version, withdrawn.mode) == (1, WithdrawalMode.ERASE)
    assert withdrawn.event_id != withdrawal.event_id
    assert isinstance(other, ItemCurated)


def test_a_producer_cannot_call_a_withdrawal_a_replacement(build: Build) -> None:
    [[withdrawn]] = answered(build(), ItemWithdrawn(item_id="a", mode=WithdrawalMode.REPLACED, version=99))
    assert isinstance(withdrawn, ItemWithdrawn)
    assert (withdrawn.version, withdrawn.mode) == (0, WithdrawalMode.DELETE)


def test_a_rejected_change_withdraws_what_was_live(build: Build) -> None:
    [_, changed, again] = answered(build(), published("a"), published("a", text=""), published("a", text=""))
    [rejected, withdrawn] = changed
    assert isinstance(rejected, ItemRejected)
    assert isinstance(withdrawn, ItemWithdrawn)
    assert (withdrawn.version, withdrawn.mode) == (0, WithdrawalMode.REPLACED)
    assert [type(event) for event in again] == [ItemRejected]


def test_a_change_that_repeats_another_item_withdraws_what_was_live(build: Build) -> None:
    [_, _, changed] = answered(build(), published("a"), published("b", text=OTHER_PROSE), published("b"))
    assert [type(event) for event in changed] == [ItemRejected, ItemWithdrawn]


def test_an_old_record_mended_and_replayed_does_not_disturb_the_newer_one(build: Build) -> None:
    stage = build()
    stage.handle([incoming(published("a", text=OTHER_PROSE), 9)])
    [[old]] = stage.handle([incoming(published("a"), 3)])  # type: ignore[misc]
    [[duplicate]] = stage.handle([incoming(published("b", text=OTHER_PROSE), 10)])  # type: ignore[misc]
    assert isinstance(old, ItemCurated)
    assert old.version == 3
    assert isinstance(duplicate, ItemRejected)


def test_no_records_have_no_outcomes(build: Build) -> None:
    assert build().handle([]) == []
