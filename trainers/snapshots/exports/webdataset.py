"""A snapshot as a WebDataset: tar files of samples, each a `.json` and the medium or the text that it describes.

What is in which shard follows from the manifest alone, so that an export goes on where it was interrupted: shards that
are there are not written again. Items that are excluded from training are not exported, nor are items withdrawn since.
"""

import json
import tarfile
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

from streams.errors import BadRecord, Misconfigured
from streams.media.store import MediaStore
from trainers.snapshots.config import SnapshotConfig
from trainers.snapshots.exports.whole import whole_file, writing
from trainers.snapshots.manifest import Manifest, fields_of
from trainers.snapshots.rows import Key, Row, Split

ABOUT, INDEX = "snapshot.json", "index.json"
SIDES = (Split.TRAIN, Split.EVALUATION)
FIXED_BYTES = 4096
"""About what a sample needs beside its medium: headers, padding and the description."""
SUFFIXES = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/bmp": "bmp",
    "image/tiff": "tiff",
    "audio/wav": "wav",
    "audio/mpeg": "mp3",
    "audio/flac": "flac",
    "audio/ogg": "ogg",
    "video/mp4": "mp4",
    "video/webm": "webm",
    "text/plain": "txt",
}

OnShard = Callable[[int, int], None]
"""Items done, and items in all."""


@dataclass(frozen=True, slots=True)
class Shard:
    """A tar file to be."""

    name: str
    samples: tuple[tuple[str, Row], ...]
    """The name of each sample, and its item."""

    def without(self, gone: Collection[Key]) -> "Shard":
        """The same file less some items."""
        return replace(self, samples=tuple(sample for sample in self.samples if sample[1].key not in gone))


@dataclass(frozen=True, slots=True)
class Exported:
    """What became of an export."""

    shards: int
    items: int
    already_there: int
    """Shards of an earlier export that was interrupted."""
    without_media: tuple[Key, ...]
    """Items whose bytes are not in the media store any more; only their descriptions are exported."""


def write_webdataset(
    manifest: Manifest,
    folder: Path,
    media: MediaStore,
    config: SnapshotConfig,
    gone: Collection[Key] = (),
    on_shard: OnShard = lambda done, total: None,
) -> Exported:
    """Writes what is missing in the folder. Raises Misconfigured if it holds another snapshot."""
    shards = [shard.without(gone) for shard in shards_of(manifest, config)]
    total = sum(len(shard.samples) for shard in shards)
    kept, done, without = 0, 0, list[Key]()
    with writing(folder):
        _begin(folder / ABOUT, manifest)
        for shard in shards:
            if (folder / shard.name).exists():
                kept += 1
            else:
                without += _write(folder / shard.name, shard, media)
            done += len(shard.samples)
            on_shard(done, total)
        _json(folder / INDEX, {"shards": {shard.name: len(shard.samples) for shard in shards}, "items": total})
    return Exported(len(shards), total, kept, tuple(without))


def shards_of(manifest: Manifest, config: SnapshotConfig) -> Iterator[Shard]:
    """The tar files by side, filled in the order of the manifest up to their bounds."""
    for split in SIDES:
        samples: list[tuple[str, Row]] = []
        size = number = 0
        for place, row in enumerate(manifest.rows):
            if row.split is not split:
                continue
            length = FIXED_BYTES + (row.media.length if row.media else len(row.text or ""))
            if samples and (size + length > config.shard_bytes or len(samples) >= config.shard_items):
                yield Shard(f"{split.value}-{number:06d}.tar", tuple(samples))
                samples, size, number = [], 0, number + 1
            samples.append((f"{place:08d}", row))
            size += length
        if samples:
            yield Shard(f"{split.value}-{number:06d}.tar", tuple(samples))


def _write(path: Path, shard: Shard, media: MediaStore) -> Sequence[Key]:
    without: list[Key] = []
    with whole_file(path) as file, tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, row in shard.samples:
            content = _content(row, media)
            if content is None:
                without.append(row.key)
            _add(tar, f"{name}.json", _line(fields_of(row)))
            if content is not None:
                _add(tar, f"{name}.{_suffix(row)}", content)
    return without


def _content(row: Row, media: MediaStore) -> bytes | None:
    if row.media is None:
        return (row.text or "").encode()
    try:
        return media.get(row.media)
    except BadRecord:
        return None


def _suffix(row: Row) -> str:
    return "txt" if row.media is None else SUFFIXES.get(row.media.media_type, "bin")


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    """Without times and owners: the same sample is the same bytes."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o644
    tar.addfile(entry, BytesIO(content))


def _begin(path: Path, manifest: Manifest) -> None:
    if path.exists():
        try:
            known = json.loads(path.read_bytes()).get("sha256")
        except (ValueError, AttributeError):
            known = None
        if known != manifest.sha256:
            raise Misconfigured(f"{path.parent} holds another snapshot; name another folder")
        return
    if any(path.parent.glob("*.tar")):
        raise Misconfigured(f"{path.parent} holds other tar files; name another folder")
    tasks = [task.name for task in manifest.tasks]
    _json(path, {"sha256": manifest.sha256, "project_id": manifest.project_id, "tasks": tasks})


def _json(path: Path, fields: dict[str, Any]) -> None:
    with whole_file(path) as file:
        file.write(_line(fields))


def _line(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, sort_keys=True, ensure_ascii=False, indent=1).encode() + b"\n"
