"""Curation of real data: photographs in odd modes, videos, speech, sounds and thirty languages all pass."""

import gzip
import json
import tarfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from consumers.curation.claims import Claims
from consumers.curation.config import CurationConfig
from consumers.curation.stage import curation_stage
from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from schemas.event import Event
from schemas.items import ItemCurated, ItemPublished, ItemRejected, Modality, RejectReason
from streams.media.store import MediaStore
from streams.record import Origin
from streams.stage import BatchStage, Incoming

BATCH = 500
TYPES = {".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp", ".mp4": "video/mp4"}
TYPES |= {".mkv": "video/x-matroska", ".mp3": "audio/mpeg", ".wav": "audio/wav"}


@pytest.fixture
def media(tmp_path: Path) -> MediaStore:
    return MediaStore.open(tmp_path / "media")


@pytest.fixture
def stage(tmp_path: Path, media: MediaStore) -> BatchStage:
    claims = Claims(open_engine(MetadataConfig(url=f"sqlite:///{tmp_path}/claims.sqlite")))
    claims.create_tables()
    return curation_stage(CurationConfig(), media, claims)


def answers(stage: BatchStage, items: Sequence[ItemPublished]) -> list[Event]:
    """The one event that follows each item, batch after batch."""
    log = [Incoming(item, Origin("items.raw", 0, offset)) for offset, item in enumerate(items)]
    outcomes = [outcome for at in range(0, len(log), BATCH) for outcome in stage.handle(log[at : at + BATCH])]
    return [event for [event] in outcomes]  # type: ignore[misc]


def rejections(events: Iterable[Event]) -> list[tuple[str, RejectReason, str | None]]:
    return [(event.item_id, event.reason, event.measured) for event in events if isinstance(event, ItemRejected)]


def of_files(folder: Path, media: MediaStore) -> list[ItemPublished]:
    files = sorted(file for file in folder.iterdir() if file.suffix in TYPES)
    return [_item(file.name, file.read_bytes(), media) for file in files]


def of_members(archive: Path, media: MediaStore) -> list[ItemPublished]:
    with tarfile.open(archive) as tar:
        members = [(member.name, tar.extractfile(member)) for member in tar if member.isfile()]
        return [_item(name, file.read(), media) for name, file in members if file is not None]


def _item(name: str, content: bytes, media: MediaStore) -> ItemPublished:
    return ItemPublished(item_id=name, media=media.put(content, TYPES[Path(name).suffix]))


@pytest.mark.parametrize("folder", ["copy-detection", "sample-videos"])
def test_every_picture_and_video_is_accepted(
    folder: str, stage: BatchStage, media: MediaStore, shared_data: Path
) -> None:
    items = of_files(shared_data / folder, media)
    events = answers(stage, items)
    assert len(events) > 15
    assert rejections(events) == []


@pytest.mark.parametrize("folder", ["fsdd", "env-sounds"])
def test_every_sound_is_accepted(folder: str, stage: BatchStage, media: MediaStore, shared_data: Path) -> None:
    events = answers(stage, of_members(shared_data / folder / "audio.tar", media))
    repeated = [one for one in rejections(events) if one[1] != RejectReason.EXACT_DUPLICATE]
    assert repeated == []
    assert {event.modality for event in events if isinstance(event, ItemCurated)} == {Modality.AUDIO}


def test_sentences_in_thirty_languages_are_accepted_and_told_apart(stage: BatchStage, shared_data: Path) -> None:
    with gzip.open(shared_data / "tatoeba" / "items.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file][::5]
    events = answers(stage, [ItemPublished(item_id=row["id"], text=row["text"]) for row in rows])
    language = {row["id"]: row["lang"] for row in rows}
    found = [event for event in events if isinstance(event, ItemCurated)]
    assert {reason for _, reason, _ in rejections(events)} <= {RejectReason.EXACT_DUPLICATE}
    assert sum(event.language == language[event.item_id] for event in found) > 0.94 * len(found)
