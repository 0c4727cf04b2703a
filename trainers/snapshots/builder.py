"""Freezes what there is to train on into a snapshot.

Labels and captions make an item worth freezing. What was withdrawn is not there, and a label about other content than
an item has now does not count.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from heapq import nsmallest
from itertools import chain

import structlog

from models.encoders.port import Encoder
from models.labels.store import LabelStore
from streams.media.store import MediaStore
from trainers.snapshots.catalogue.catalogue import ItemCatalogue, Listing
from trainers.snapshots.catalogue.words import words_of
from trainers.snapshots.config import SnapshotConfig
from trainers.snapshots.labelled import Task, Told, facts_of, labels_about, labels_by_item
from trainers.snapshots.manifest import Manifest
from trainers.snapshots.rows import Key, Row, TaskLabel
from trainers.snapshots.splitting.likeness import Likeness
from trainers.snapshots.splitting.sides import divided, evaluation_side, lot
from trainers.snapshots.store import SnapshotStore

logger = structlog.get_logger()


Reserved = Callable[[Row], bool]
"""Whether an item belongs to the random arm of some task, labelled or not."""


def nobody(row: Row) -> bool:
    """Where nothing is reserved."""
    return False


class SnapshotBuilder:
    """Draws snapshots up and keeps them. For one thread at a time; what it stands on may raise Unavailable.

    `reserved` items are kept back until they have their label of the random arm, so that no model has ever been
    trained on what later ones are measured with.
    """

    def __init__(
        self,
        catalogue: ItemCatalogue,
        labels: LabelStore,
        snapshots: SnapshotStore,
        media: MediaStore,
        config: SnapshotConfig,
        reserved: Reserved = nobody,
    ) -> None:
        self._catalogue = catalogue
        self._labels = labels
        self._snapshots = snapshots
        self._media = media
        self._likeness = Likeness(media, config)
        self._config = config
        self._reserved = reserved

    def freeze(self, project_id: str, encoder: Encoder, tasks: Iterable[Task], live_version: str) -> Manifest:
        """Everything labelled or captioned, divided into sides and kept.

        `encoder` tells which texts are nearly the same: best one that has not learnt the tasks' classes.
        """
        tasks = list(tasks)
        rows = self._rows(labels_by_item(tasks, self._labels))
        before = self._snapshots.ever_evaluated()
        sides = evaluation_side(rows, before, self._config.evaluation_share, self._config.seed)
        back = [place for place, row in enumerate(rows) if self._reserved(row)]
        near = self._likeness.near(rows, {*sides, *back}, encoder)
        parted = divided(rows, sides, near, back)
        manifest = Manifest.of(project_id, live_version, map(facts_of, tasks), parted)
        kept = self._snapshots.put(manifest)
        logger.info(
            "snapshot_frozen",
            sha256=kept.sha256,
            train=kept.train,
            evaluation=kept.evaluation,
            excluded=kept.excluded,
            labels=kept.labels,
        )
        return manifest

    def _rows(self, told: Mapping[Key, Sequence[Told]]) -> list[Row]:
        """What there is to learn from, by key: all that is labelled, and captioned items as far as there is room."""
        config = self._config
        found = (one for one in self._catalogue.find(told).values() if self._allowed(one))
        pairs = ((one, labels_about(one, told[one.key])) for one in found)
        labelled = [self._row(one, labels) for one, labels in pairs if labels]
        taken = {row.key for row in labelled}
        others = (one for one in self._catalogue.captioned() if one.key not in taken and self._allowed(one))
        captioned = (self._row(one) for one in others)

        def turn(row: Row) -> tuple[bool, float, Key]:
            return (not row.labels, lot(config.seed, "room", row.key), row.key)

        return sorted(nsmallest(config.max_items, chain(labelled, captioned), key=turn), key=lambda row: row.key)

    def _allowed(self, one: Listing) -> bool:
        licences, sources = self._config.licences, self._config.sources
        return (not licences or one.licence in licences) and (not sources or one.source in sources)

    def _row(self, one: Listing, labels: tuple[TaskLabel, ...] = ()) -> Row:
        return Row(
            one.key.tenant,
            one.key.item_id,
            one.version,
            one.modality,
            one.content_sha256,
            one.media,
            one.text or words_of(one.media, self._media, self._config.text_chars),
            labels,
            one.licence,
            one.source,
            one.language,
        )
