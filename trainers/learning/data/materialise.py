"""From a snapshot to a folder that ranks train from: pictures decoded, texts read once by the parent."""

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import structlog
from numpy.typing import NDArray

from models.encoders.mini import MillraceMini
from models.encoders.pictures import Pixels, pixels
from models.encoders.released import save_released
from schemas.items import MediaRef
from streams.errors import BadRecord
from streams.media.store import MediaStore
from trainers.learning.data.dataset import PARENT, Column, DatasetFacts, write_dataset
from trainers.learning.data.examples import Examples, ItemName, examples_of
from trainers.recipes.recipe import Recipe
from trainers.snapshots.manifest import Manifest

if TYPE_CHECKING:
    from models.mined.store import HardNegative

MAX_IMAGE_PIXELS = 100_000_000
_TEXTS_AT_ONCE = 4096

logger = structlog.get_logger()


def materialise(
    manifest: Manifest,
    recipe: Recipe,
    media: MediaStore,
    encoder: MillraceMini,
    negatives: "Iterable[HardNegative]",
    folder: Path,
    known: Collection[ItemName] = (),
) -> Path:
    """Writes the data set into the folder, and the parent's files beside it.

    Pictures that are gone or do not decode are left out, and named. Raises BadRecord("nothing_to_learn").
    """
    examples = examples_of(manifest.rows, manifest.tasks, negatives, recipe, known)
    side_px = recipe.image_side_px or encoder.images.side_px
    squares, left_out = _pictures(list(examples.pictures), media, side_px)
    examples = _without(examples, frozenset(left_out))
    if not examples:
        raise BadRecord("nothing_to_learn", "the snapshot's training side has no example that this recipe learns from")
    save_released(encoder, folder / PARENT)
    facts = DatasetFacts(
        snapshot_sha256=manifest.sha256,
        parent_version=encoder.version,
        text_digest=encoder.texts.plain_digest,
        dim=encoder.dim,
        side_px=side_px,
        trained=encoder.images.trained,
        classes=tuple(examples.classes),
        left_out=tuple(left_out.values()),
        files={},
    )
    write_dataset(folder, _columns(examples, recipe, encoder) | {"pixels": squares}, facts)
    return folder


def _pictures(refs: Sequence[MediaRef], media: MediaStore, side_px: int) -> tuple[Pixels, dict[int, str]]:
    """Squares by place, black where one could not be read; and why it could not, by place."""
    squares = np.zeros((len(refs), side_px, side_px, 3), dtype=np.uint8)
    left_out: dict[int, str] = {}
    for place, ref in enumerate(refs):
        try:
            squares[place] = pixels(media.get(ref), side_px, MAX_IMAGE_PIXELS)
        except BadRecord as error:
            left_out[place] = f"{ref.uri}: {error.reason}"
    if left_out:
        logger.warning("pictures left out of training", pictures=len(left_out), first=next(iter(left_out.values())))
    return squares, left_out


def _without(examples: Examples, pictures: frozenset[int]) -> Examples:
    if pictures:
        examples.pairs = [pair for pair in examples.pairs if pair.picture not in pictures]
        examples.triples = [
            triple for triple in examples.triples if not {triple.positive.picture, triple.negative.picture} & pictures
        ]
    return examples


def _columns(examples: Examples, recipe: Recipe, encoder: MillraceMini) -> dict[str, Column]:
    texts = list(examples.texts)
    found: dict[str, Column] = {"texts.vector": _vectors(texts, encoder)}
    if recipe.lora.rank:
        found["texts.tokens"], found["texts.length"] = _padded(encoder.texts.tokens(texts, recipe.text_pieces))
    found |= _table("pairs", examples.pairs) | _table("classed", examples.classed)
    if examples.triples:
        for name in ("positive", "negative"):
            found |= _table(f"triples.{name}", [getattr(triple, name) for triple in examples.triples])
        found["triples.query"] = np.array([triple.query for triple in examples.triples], dtype=np.int64)
        found["triples.weight"] = np.array([triple.weight for triple in examples.triples], dtype=np.float32)
    if examples.kept:
        found["kept.text"] = np.array(examples.kept, dtype=np.int64)
        found["kept.weight"] = np.ones(len(examples.kept), dtype=np.float32)
    return found


def _table(kind: str, rows: Sequence[NamedTuple]) -> dict[str, Column]:
    """A column for each field; none where there are no rows."""
    if not rows:
        return {}
    columns = zip(rows[0]._fields, zip(*rows, strict=True), strict=True)
    return {
        f"{kind}.{'class' if name == 'klass' else name}": np.array(
            values, dtype=np.float32 if name == "weight" else np.int64
        )
        for name, values in columns
    }


def _vectors(texts: Sequence[str], encoder: MillraceMini) -> NDArray[np.float32]:
    parts = [encoder.encode_texts(texts[at : at + _TEXTS_AT_ONCE]) for at in range(0, len(texts), _TEXTS_AT_ONCE)]
    return np.concatenate(parts) if parts else np.zeros((0, encoder.dim), dtype=np.float32)


def _padded(tokens: Sequence[Sequence[int]]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    lengths = np.array([len(ids) for ids in tokens], dtype=np.int64)
    table = np.zeros((len(tokens), int(lengths.max(initial=0))), dtype=np.int32)
    table[np.arange(table.shape[1]) < lengths[:, None]] = np.concatenate([[], *tokens]).astype(np.int32)
    return table, lengths
