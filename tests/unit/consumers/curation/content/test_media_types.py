"""What bytes are, whatever they are called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.curation.content.media_types import TEXT, Declared, contradiction, type_of
from consumers.curation.content.objections import Objection
from schemas.items import Modality, RejectReason
from tests.unit.consumers.curation.builders import PROSE, picture, sound, video, wav

NOTHING_SAID = Declared(None, "")
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\nxref\n0 3\ntrailer\n%%EOF\n"


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_pictures_are_known_by_their_signature(form: str) -> None:
    assert type_of(picture(form), NOTHING_SAID) == f"image/{form.lower()}"


@pytest.mark.parametrize(
    ("form", "codec", "media_type"),
    [
        ("mp3", "libmp3lame", "audio/mpeg"),
        ("flac", "flac", "audio/flac"),
        ("ogg", "libopus", "audio/ogg"),
        ("adts", "aac", "audio/aac"),
        ("ipod", "aac", "video/mp4"),
        ("webm", "libopus", "video/webm"),
        ("matroska", "flac", "video/x-matroska"),
    ],
)
def test_sounds_are_known_by_the_signature_of_their_container(form: str, codec: str, media_type: str) -> None:
    assert type_of(sound(form, codec), NOTHING_SAID) == media_type


@pytest.mark.parametrize(
    ("form", "media_type"),
    [("mp4", "video/mp4"), ("mov", "video/quicktime"), ("matroska", "video/x-matroska"), ("avi", "video/x-msvideo")],
)
def test_videos_are_known_by_the_signature_of_their_container(form: str, media_type: str) -> None:
    assert type_of(video(form), NOTHING_SAID) == media_type


def test_a_wav_is_known_by_its_signature() -> None:
    assert type_of(wav(), NOTHING_SAID) == "audio/wav"


@pytest.mark.parametrize(
    "beginning", ["BM is how this text begins", "ID3 tags are", "RIFF and WAVE", "OggOpus", "ftyp"]
)
def test_words_that_look_like_a_signature_stay_words(beginning: str) -> None:
    assert type_of(f"{beginning}. {PROSE}".encode(), NOTHING_SAID) == TEXT


def test_what_cannot_be_decoded_here_is_named() -> None:
    assert type_of(PDF, NOTHING_SAID) == Objection(RejectReason.UNSUPPORTED_TYPE, "application/pdf")


def test_no_bytes_are_empty() -> None:
    assert type_of(b"", NOTHING_SAID) == Objection(RejectReason.EMPTY, "0 bytes", "1 byte")


def test_text_in_another_encoding_is_still_text() -> None:
    assert type_of("Der Müller öffnet die Schleuse früh am Morgen. ".encode("latin-1") * 20, NOTHING_SAID) == TEXT


@given(st.binary(max_size=64))
def test_any_bytes_are_of_a_known_type_or_objected_to(content: bytes) -> None:
    assert isinstance(type_of(content, Declared(None, "image/png")), str | Objection)


@pytest.mark.parametrize(
    ("declared", "found"),
    [
        (Declared(None, "image/jpeg"), "image/png"),
        (Declared(None, "application/octet-stream"), "audio/mpeg"),
        (Declared(Modality.IMAGE, "application/octet-stream"), "image/png"),
        (Declared(None, "video/mp4"), "audio/mp4"),
        (Declared(None, "text/csv"), TEXT),
        (Declared(None, "application/json"), TEXT),
    ],
)
def test_a_wrong_name_for_the_right_kind_is_put_right(declared: Declared, found: str) -> None:
    assert contradiction(declared, found) is None


@pytest.mark.parametrize(
    ("declared", "found"),
    [
        (Declared(None, "image/jpeg"), TEXT),
        (Declared(None, "image/jpeg"), "audio/mpeg"),
        (Declared(None, "audio/mpeg"), "video/mp4"),
        (Declared(None, "text/plain"), "image/png"),
        (Declared(Modality.VIDEO, "video/mp4"), "audio/mp4"),
        (Declared(Modality.TEXT, "image/png"), "image/png"),
    ],
)
def test_another_kind_than_declared_is_a_contradiction(declared: Declared, found: str) -> None:
    objection = contradiction(declared, found)
    assert objection is not None
    assert (objection.reason, objection.measured) == (RejectReason.TYPE_MISMATCH, found)
