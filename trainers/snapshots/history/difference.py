"""What changed from one snapshot to another."""

from dataclasses import dataclass

from trainers.snapshots.manifest import Manifest
from trainers.snapshots.rows import Key, Row, Split


@dataclass(frozen=True, slots=True)
class Move:
    """An item that changed sides. Nothing ever moves from evaluation to training, or back."""

    key: Key
    before: Split
    after: Split


@dataclass(frozen=True, slots=True)
class Difference:
    """By the keys of items, in their order. An item may be in several lists."""

    added: tuple[Key, ...]
    removed: tuple[Key, ...]
    version_changed: tuple[Key, ...]
    content_changed: tuple[Key, ...]
    labels_changed: tuple[Key, ...]
    """Classes, trust, arm or revision of a label; or a label more, or less."""
    moved: tuple[Move, ...]

    @property
    def empty(self) -> bool:
        """Whether both hold the same items in the same way."""
        return not any((self.added, self.removed, self.version_changed, self.labels_changed, self.moved))


def difference(before: Manifest, after: Manifest) -> Difference:
    """What became of the items of one snapshot in the other."""
    old, new = ({row.key: row for row in manifest.rows} for manifest in (before, after))
    both: list[tuple[Row, Row]] = [(old[key], new[key]) for key in sorted(old.keys() & new.keys())]
    return Difference(
        added=tuple(sorted(new.keys() - old.keys())),
        removed=tuple(sorted(old.keys() - new.keys())),
        version_changed=tuple(was.key for was, now in both if was.version != now.version),
        content_changed=tuple(was.key for was, now in both if was.content_sha256 != now.content_sha256),
        labels_changed=tuple(was.key for was, now in both if was.labels != now.labels),
        moved=tuple(Move(was.key, was.split, now.split) for was, now in both if was.split is not now.split),
    )
