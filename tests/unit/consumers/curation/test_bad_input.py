"""Whatever comes in has exactly one outcome, and its neighbours in the batch do not notice."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from schemas.items import ItemCurated, ItemRejected, MediaRef, Modality, RejectReason
from streams.codec import encode
from streams.errors import BadRecord
from streams.media.store import MediaStore
from streams.stage import BatchStage
from tests.unit.consumers.curation.builders import (
    PROSE,
    absent,
    flipped,
    incoming,
    picture,
    png_header,
    png_with_swelling_text,
    published,
    sound,
    streamable_video,
    video,
    wav,
)

PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\nxref\n0 3\ntrailer\n%%EOF\n"


@dataclass(frozen=True)
class Bad:
    """Something that must be rejected: bytes with a declared type, or words."""

    name: str
    reason: RejectReason
    content: Callable[[], bytes] | None = None
    media_type: str = "image/png"
    fields: dict[str, Any] = field(default_factory=dict)
    bounds: dict[str, Any] = field(default_factory=dict)


pytestmark = pytest.mark.filterwarnings("ignore:::PIL")

R = RejectReason
BAD = (
    Bad("corrupt png", R.UNREADABLE, lambda: flipped(picture())),
    Bad("corrupt jpeg", R.UNREADABLE, lambda: picture("JPEG")[:200] + b"\xa5" * 50, "image/jpeg"),
    Bad("corrupt wav", R.UNREADABLE, lambda: wav()[:30] + b"\xa5" * 500, "audio/wav"),
    Bad("corrupt mp4", R.UNREADABLE, lambda: video()[:40] + b"\xa5" * 5000, "video/mp4"),
    Bad("corrupt mp3", R.UNREADABLE, lambda: sound("mp3", "libmp3lame")[:60] + b"\0" * 5000, "audio/mpeg"),
    Bad("truncated png", R.UNREADABLE, lambda: picture()[:-40]),
    Bad("truncated jpeg", R.UNREADABLE, lambda: picture("JPEG")[:-40], "image/jpeg"),
    Bad("truncated wav", R.UNREADABLE, lambda: wav()[:-4000], "audio/wav"),
    Bad("truncated flac", R.UNREADABLE, lambda: sound("flac", "flac", 3.0)[:9000], "audio/flac"),
    Bad("truncated mp4", R.UNREADABLE, lambda: streamable_video()[:20_000], "video/mp4"),
    Bad("noise", R.UNREADABLE, lambda: np.random.default_rng(7).bytes(5000)),
    Bad("no bytes", R.EMPTY, lambda: b""),
    Bad("no bytes of text", R.EMPTY, lambda: b"", "text/plain"),
    Bad("no words", R.EMPTY, fields={"text": ""}),
    Bad("only white space", R.EMPTY, fields={"text": " \u3000\n\t"}),
    Bad("only invisible characters", R.EMPTY, fields={"text": "\ufeff\u202e\u2066"}),
    Bad("nothing but a byte order mark", R.EMPTY, lambda: b"\xef\xbb\xbf", "text/plain"),
    Bad("text called jpg", R.TYPE_MISMATCH, PROSE.encode, "image/jpeg"),
    Bad("mp3 called jpg", R.TYPE_MISMATCH, lambda: sound("mp3", "libmp3lame"), "image/jpeg"),
    Bad("png called txt", R.TYPE_MISMATCH, picture, "text/plain"),
    Bad("video called mp3", R.TYPE_MISMATCH, video, "audio/mpeg"),
    Bad("sound that insists on being a video", R.TYPE_MISMATCH, lambda: sound("ipod", "aac"), "video/mp4",
        fields={"modality": Modality.VIDEO}),
    Bad("words that insist on being a picture", R.TYPE_MISMATCH, fields={"text": PROSE, "modality": Modality.IMAGE}),
    Bad("pdf", R.UNSUPPORTED_TYPE, lambda: PDF, "application/pdf"),
    Bad("pdf called png", R.UNSUPPORTED_TYPE, lambda: PDF),
    Bad("zip", R.UNSUPPORTED_TYPE, lambda: b"PK\x03\x04\x14\0\0\0\x08\0" + b"\x11\xf3\x9c" * 90, "application/zip"),
    Bad("type that is not allowed", R.UNSUPPORTED_TYPE, lambda: picture("BMP"), "image/bmp",
        bounds={"media_types": {"image/png"}}),
    Bad("text files that are not allowed", R.UNSUPPORTED_TYPE, PROSE.encode, "text/plain",
        bounds={"media_types": {"image/png"}}),
    Bad("100 megapixels", R.TOO_LARGE, lambda: png_header(10_000, 10_000)),
    Bad("3600 megapixels", R.TOO_LARGE, lambda: png_header(60_000, 60_000)),
    Bad("huge file", R.TOO_LARGE, lambda: b"\x89PNG\r\n\x1a\n" + bytes(70_000), bounds={"max_media_bytes": 65_536}),
    Bad("huge text file", R.TOO_LARGE, lambda: b"word " * 20_000, "text/plain", bounds={"max_text_bytes": 65_536}),
    Bad("huge description", R.TOO_LARGE, fields={"text": PROSE, "attributes": {"k": "v" * 70_000}}),
    Bad("huge text", R.TOO_LONG, fields={"text": "word " * 300_000}),
    Bad("huge caption", R.TOO_LONG, picture, fields={"text": "word " * 60_000}),
    Bad("gif of many frames", R.TOO_LONG, lambda: picture("GIF", frames=30), "image/gif",
        bounds={"max_image_frames": 20}),
    Bad("long sound", R.TOO_LONG, lambda: wav(2.0), "audio/wav", bounds={"max_audio_s": 1.0}),
    Bad("short sound", R.TOO_SHORT, lambda: wav(0.01), "audio/wav"),
    Bad("short text", R.TOO_SHORT, fields={"text": "too short"}, bounds={"min_text_chars": 10}),
    Bad("tiny picture", R.TOO_SMALL, lambda: picture(size=(2, 2))),
    Bad("swelling text in a png", R.UNREADABLE, png_with_swelling_text),
    Bad("invalid utf-8", R.INVALID_TEXT, lambda: b"caf\xe9 au lait", "text/plain"),
    Bad("utf-16", R.INVALID_TEXT, lambda: PROSE.encode("utf-16"), "text/plain"),
    Bad("lone surrogate", R.INVALID_TEXT, fields={"text": "half a \ud83d smile"}),
    Bad("lone surrogate in a caption", R.INVALID_TEXT, picture, fields={"text": "half a \ud83d smile"}),
    Bad("lone surrogate in a tag", R.INVALID_TEXT, fields={"text": PROSE, "tags": ("\udc00",)}),
    Bad("mostly nul bytes", R.INVALID_TEXT, lambda: b"a\0\0\0\0\0", "text/plain"),
    Bad("language that is not allowed", R.LANGUAGE_NOT_ALLOWED, fields={"text": PROSE}, bounds={"languages": {"de"}}),
    Bad("missing media", R.MEDIA_MISSING, fields={"media": absent()}),
    Bad("reference to another place", R.MEDIA_MISSING,
        fields={"media": absent().model_copy(update={"uri": "../../etc/passwd"})}),
)  # fmt: skip


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_bad_input_is_rejected_once_with_its_reason(
    bad: Bad, build: Callable[..., BatchStage], media: MediaStore
) -> None:
    stored = {"media": media.put(bad.content(), bad.media_type)} if bad.content else {}
    item = published("bad", **stored | bad.fields)
    good = published("good", text="Das Rad dreht sich, und der Nachbar kommt durch, als sei nichts geschehen.")
    outcomes = build(**bad.bounds).handle([incoming(item, 1), incoming(good, 2)])
    [rejected], neighbour = outcomes  # type: ignore[misc]
    assert isinstance(rejected, ItemRejected)
    assert (rejected.item_id, rejected.version, rejected.reason) == ("bad", 1, bad.reason)
    assert encode(rejected, "test").value
    assert [type(event) for event in neighbour] == [ItemCurated]  # type: ignore[union-attr]


def test_other_bytes_than_the_digest_says_are_missing_media(
    build: Callable[..., BatchStage], media: MediaStore
) -> None:
    stored = media.put(picture(), "image/png")
    lie = MediaRef(uri=stored.uri, sha256="0" * 64, length=stored.length, media_type="image/png")
    [[rejected]] = build().handle([incoming(published(media=lie))])  # type: ignore[misc]
    assert isinstance(rejected, ItemRejected)
    assert rejected.reason == RejectReason.MEDIA_MISSING


def test_nul_bytes_among_words_are_removed(build: Callable[..., BatchStage]) -> None:
    [[curated]] = build().handle([incoming(published(text=f"\0{PROSE}\0"))])  # type: ignore[misc]
    assert isinstance(curated, ItemCurated)
    assert curated.text == PROSE


def test_an_item_id_that_no_database_holds_is_a_bad_record(build: Callable[..., BatchStage]) -> None:
    outcomes = build().handle([incoming(published("a\0b"), 1), incoming(published("fine"), 2)])
    assert isinstance(outcomes[0], BadRecord)
    assert outcomes[0].reason == "invalid_item_id"
    assert not isinstance(outcomes[1], BadRecord)
