"""Sounds and videos: what passes, and what is refused within bounds."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.curation.config import CurationConfig
from consumers.curation.content.media_types import Declared, Medium, type_of
from consumers.curation.content.objections import Objection
from consumers.curation.content.recordings import examine_recording
from schemas.items import RejectReason
from tests.unit.consumers.curation.builders import DAMAGE, damaged, flipped, sound, streamable_video, video, wav


def examined(content: bytes, **bounds: Any) -> Medium | Objection:
    media_type = type_of(content, Declared(None, ""))
    assert isinstance(media_type, str)
    return examine_recording(content, media_type, CurationConfig(**bounds))


def accepted(result: Medium | Objection) -> Medium:
    assert isinstance(result, Medium), result
    return result


def refused(result: Medium | Objection) -> RejectReason:
    assert isinstance(result, Objection)
    return result.reason


@pytest.mark.parametrize(
    ("form", "codec", "media_type"),
    [
        ("mp3", "libmp3lame", "audio/mpeg"),
        ("flac", "flac", "audio/flac"),
        ("ogg", "libopus", "audio/ogg"),
        ("adts", "aac", "audio/aac"),
        ("ipod", "aac", "audio/mp4"),
        ("webm", "libopus", "audio/webm"),
        ("matroska", "flac", "audio/x-matroska"),
    ],
)
def test_a_container_without_pictures_is_a_sound(form: str, codec: str, media_type: str) -> None:
    medium = accepted(examined(sound(form, codec)))
    facts = medium.facts
    assert (medium.media_type, facts.width_px, facts.sample_rate_hz, facts.channels) == (media_type, None, 48000, 1)
    assert facts.duration_s == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("form", ["mp4", "mov", "matroska", "avi"])
def test_a_video_that_decodes_shows_its_facts(form: str) -> None:
    facts = accepted(examined(video(form))).facts
    assert (facts.width_px, facts.height_px, facts.frames, facts.codec) == (64, 48, 30, "mpeg4")
    assert facts.duration_s == pytest.approx(2.0, abs=0.2)


@pytest.mark.parametrize("form", ["flac", "mp4", "matroska", "wav"])
def test_a_recording_that_ends_before_its_announced_time_is_unreadable(form: str) -> None:
    whole = {"flac": lambda: sound("flac", "flac", 3.0), "wav": wav}.get(form, lambda: video(form))()
    assert refused(examined(whole[: len(whole) * 6 // 10])) == RejectReason.UNREADABLE


def test_a_video_whose_index_comes_first_is_unreadable_when_its_end_is_missing() -> None:
    whole = streamable_video()
    accepted(examined(whole))
    assert refused(examined(whole[: len(whole) * 6 // 10])) == RejectReason.UNREADABLE


def test_a_wav_that_lacks_its_last_bytes_is_unreadable() -> None:
    whole = wav()
    assert examined(whole[:-4]) == Objection(RejectReason.UNREADABLE, "16040 bytes", "16044 bytes")


@pytest.mark.parametrize("length", [b"\0\0\0\0", b"\xff\xff\xff\xff"])
def test_a_recorder_that_did_not_know_the_length_is_forgiven(length: bytes) -> None:
    whole = wav()
    accepted(examined(whole[:4] + length + whole[8:]))


def test_rubbish_behind_a_signature_is_unreadable() -> None:
    assert refused(examined(video()[:64] + b"\xa5" * 5000)) == RejectReason.UNREADABLE


def test_a_recording_damaged_all_over_is_unreadable() -> None:
    content = video("avi")
    for place in range(20, 90, 2):
        content = flipped(content, place / 100)
    assert refused(examined(content)) == RejectReason.UNREADABLE


@pytest.mark.parametrize(
    ("bounds", "reason"),
    [
        ({"max_audio_s": 0.5}, RejectReason.TOO_LONG),
        ({"min_audio_s": 2.0}, RejectReason.TOO_SHORT),
        ({"audio_codecs": {"opus"}}, RejectReason.UNSUPPORTED_TYPE),
        ({"max_packets": 2}, RejectReason.TOO_LONG),
    ],
)
def test_a_sound_outside_the_bounds_is_refused(bounds: dict[str, Any], reason: RejectReason) -> None:
    assert refused(examined(wav(1.0, 16000), **bounds)) is reason


@pytest.mark.parametrize(
    ("bounds", "reason"),
    [
        ({"max_video_s": 1.0}, RejectReason.TOO_LONG),
        ({"max_video_pixels": 1000}, RejectReason.TOO_LARGE),
        ({"min_side_px": 50}, RejectReason.TOO_SMALL),
        ({"video_codecs": {"h264"}}, RejectReason.UNSUPPORTED_TYPE),
        ({"max_packets": 5}, RejectReason.TOO_LONG),
    ],
)
def test_a_video_outside_the_bounds_is_refused(bounds: dict[str, Any], reason: RejectReason) -> None:
    assert refused(examined(video(), **bounds)) is reason


def test_damage_behind_the_decoded_part_is_not_looked_for() -> None:
    content = flipped(flipped(video("avi", frames=60), 0.8), 0.7)
    accepted(examined(content, decoded_video_frames=8))


def test_a_codec_without_a_decoder_is_unsupported() -> None:
    content = video("matroska")
    assert b"V_MPEG4/ISO/ASP" in content
    assert refused(examined(content.replace(b"V_MPEG4/ISO/ASP", b"V_NOBODY/KNOWS/"))) == RejectReason.UNSUPPORTED_TYPE


SEEDS = [
    wav(0.2),
    sound("mp3", "libmp3lame", 0.2),
    sound("ipod", "aac", 0.2),
    video(frames=4),
    video("matroska", frames=4),
]


@given(st.sampled_from(SEEDS), DAMAGE)
def test_no_damage_is_too_much_for_a_verdict(content: bytes, damage: list[tuple[int, bytes]]) -> None:
    media_type = type_of(content, Declared(None, ""))
    assert isinstance(media_type, str)
    result = examine_recording(damaged(content, damage), media_type, CurationConfig())
    assert isinstance(result, Medium | Objection)
