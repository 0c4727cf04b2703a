"""Freezes what there is to train on into a snapshot.

Labels and captions make an item worth freezing. What was withdrawn is not there, and a label about other content than
an item has now does not count. Items that are not frozen count as well where others must not be like them: those that
wait to be measured with, and those that models were trained on before.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
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
from trainers.snapshots.splitting.parting import parted
from trainers.snapshots.splitting.sides import Past, lot
from trainers.snapshots.store import SnapshotStore

logger = structlog.get_logger()

PORTION = 10_000
"""Items looked up at once."""

Reserved = Callable[[Row], float | None]
"""The number by which the random arm of some task asks about an item, the lowest first; None where it never does."""


def nobody(row: Row) -> float | None:
    """Where nothing is reserved."""
    return None


class SnapshotBuilder:
    """Draws snapshots up and keeps them. For one thread at a time; what it stands on may raise Unavailable.

    `reserved` items are kept back until they have their label of the random arm. Where models were trained on one all
    the same, as it was not reserved then, or on one like it, it is never measured with.
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

        `encoder` tells which texts are nearly the same: best one that has not learnt the tasks' classes. Raises
        Unavailable where somebody else froze a snapshot meanwhile: the next attempt heeds its sides.
        """
        tasks = list(tasks)
        past = self._snapshots.past()
        rows = self._rows(labels_by_item(tasks, self._labels))
        strangers = self._strangers({row.key for row in rows}, past)
        waiting = [place for place, row in enumerate([*rows, *strangers]) if self._turn(row, past) is not None]
        sides = parted(rows, strangers, waiting, past, self._likeness, encoder, self._config)
        manifest = Manifest.of(project_id, live_version, map(facts_of, tasks), sides)
        kept = self._snapshots.put(manifest, past)
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

    def _strangers(self, frozen: Collection[Key], past: Past) -> list[Row]:
        """Items beside those that are frozen which these must not be like, by key."""
        learnt = self._learnt(sorted(past.trained.difference(frozen)))
        found = {one.key: one for one in (*learnt, *self._next_asked(frozen, past))}
        return [self._row(found[key]) for key in sorted(found)]

    def _learnt(self, keys: Sequence[Key]) -> list[Listing]:
        """Those of the items that are still there, by lot as far as there is room."""
        portions = (keys[start : start + PORTION] for start in range(0, len(keys), PORTION))
        listed = (one for portion in portions for one in self._catalogue.find(portion).values())
        most = self._config.max_items
        found = nsmallest(most + 1, listed, key=lambda one: (lot(self._config.seed, "room", one.key), one.key))
        if len(found) > most:
            logger.warning("not_all_that_was_trained_on_is_compared", compared=most, advice="raise snapshots.max_items")
        return found[:most]

    def _next_asked(self, frozen: Collection[Key], past: Past) -> list[Listing]:
        """Those that may be measured with later, the first that the random arm asks about."""

        def turns() -> Iterator[tuple[float, Key, Listing]]:
            for one in self._catalogue.present():
                if one.key not in frozen and self._allowed(one):
                    turn = self._turn(_bare(one), past)
                    if turn is not None:
                        yield turn, one.key, one

        return [one for _, _, one in nsmallest(self._config.max_reserved, turns())]

    def _turn(self, row: Row, past: Past) -> float | None:
        """When an item is measured with, if it may be: what already was comes before all others."""
        return -1.0 if row.key in past.measured else self._reserved(row)

    def _allowed(self, one: Listing) -> bool:
        licences, sources = self._config.licences, self._config.sources
        return (not licences or one.licence in licences) and (not sources or one.source in sources)

    def _row(self, one: Listing, labels: tuple[TaskLabel, ...] = ()) -> Row:
        words = one.text or words_of(one.media, self._media, self._config.text_chars)
        return replace(_bare(one), text=words, labels=labels)


def _bare(one: Listing) -> Row:
    """An item without what people said about it, or what is to be read elsewhere."""
    return Row(
        one.key.tenant,
        one.key.item_id,
        one.version,
        one.modality,
        one.content_sha256,
        one.media,
        one.text,
        (),
        one.licence,
        one.source,
        one.language,
    )
