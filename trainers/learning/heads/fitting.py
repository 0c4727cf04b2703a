"""From a snapshot to heads on an encoder's vectors: only the training side is read, the other side is for the gate."""

import time
from collections.abc import Callable, Sequence

import numpy as np
import structlog

from models.encoders.port import Encoder
from models.heads.bundle import HeadBundle
from models.heads.calibration import Folds, fit_calibrated
from models.heads.linear import Head
from models.registry.records import Progress
from streams.media.store import MediaStore
from trainers.learning.heads.lessons import Labelled, Lesson, lessons, teaches
from trainers.learning.heads.vectors import ItemVectors, Rest, TextMemory, restless
from trainers.recipes.head import HeadRecipe
from trainers.snapshots.manifest import Manifest
from trainers.snapshots.rows import Key
from trainers.snapshots.splitting.sides import lot

logger = structlog.get_logger()

PHASE = "heads"
"""As it is told."""
_BATCH_IMAGES = 64
_ITEMS_AT_ONCE = 256
"""Items between two words about how far it is."""

Tell = Callable[[Progress], None]


def fit_heads(
    manifest: Manifest,
    recipe: HeadRecipe,
    encoder: Encoder,
    media: MediaStore,
    tell: Tell = lambda _: None,
    rest: Rest = restless,
) -> HeadBundle:
    """A head for each class task that has labels of several classes; none where no task has.

    `rest` is called between two pieces of work, and may raise to give it up. Raises Unavailable with the media store,
    BadRecord for an encoder that gives no numbers.
    """
    found = lessons(manifest, recipe)
    vectors = ItemVectors(encoder, media, _BATCH_IMAGES, TextMemory(), rest)
    _encode(found, vectors, tell)
    heads = {}
    for lesson in found:
        rest()
        if (head := _head(lesson, recipe, vectors, rest)) is not None:
            heads[lesson.name] = head
            logger.info("head_fitted", tenant=lesson.name.tenant, task=lesson.name.task, labels=len(lesson.labels))
    return HeadBundle(encoder.version, heads)


def _encode(found: Sequence[Lesson], vectors: ItemVectors, tell: Tell) -> None:
    """All items, each once, though several tasks may have labelled it; most of the time goes here."""
    rows = list({one.row.key: one.row for lesson in found for one in lesson.labels}.values())
    began = time.monotonic()
    for start in range(0, len(rows), _ITEMS_AT_ONCE):
        vectors.items(rows[start : start + _ITEMS_AT_ONCE])
        done = min(start + _ITEMS_AT_ONCE, len(rows))
        tell(Progress(PHASE, done, len(rows), items_per_s=done / max(time.monotonic() - began, 1e-9)))


def _head(lesson: Lesson, recipe: HeadRecipe, vectors: ItemVectors, rest: Rest) -> Head | None:
    """The head of the items that could be encoded."""
    rows, seen = vectors.items([one.row for one in lesson.labels])
    encoded = {row.key for row in rows}
    known = [one for one in lesson.labels if one.row.key in encoded]
    if not teaches(known):
        return None
    trust = np.array([one.trust for one in known], dtype=np.float64)
    names = [one.label for one in known]
    return fit_calibrated(seen, names, trust, _folds(known, recipe), recipe.config(), rest)


def _folds(known: Sequence[Labelled], recipe: HeadRecipe) -> Folds:
    """By the lot of the item; near-duplicates into one, or a head would be judged by what it has nearly seen."""
    first: dict[int, Key] = {}
    keys = [first.setdefault(one.row.group, one.row.key) for one in known]
    return np.array([int(lot(recipe.seed, "fold", key) * recipe.folds) for key in keys], dtype=np.intp)
