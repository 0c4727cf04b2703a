"""How data sets are frozen."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PositiveInt


class SnapshotConfig(BaseModel):
    """Bounds and shares of a snapshot."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text_chars: Annotated[int, Field(ge=1, le=100_000)] = 2000
    """Of a text or a caption, this many characters from its beginning are kept."""
    evaluation_share: Annotated[float, Field(ge=0, le=0.9)] = 0.1
    """Share of the captioned items, by lot, that are kept for evaluation and never trained on."""
    seed: Annotated[int, Field(ge=0, lt=2**53)] = 0
    """Of the lots. Another seed draws another evaluation side; items that were ever on it stay there all the same."""
    licences: tuple[str, ...] = ()
    """Only items under one of these licences are trained on or evaluated with; empty means all."""
    sources: tuple[str, ...] = ()
    """Only items of these sources; empty means all."""
    max_items: Annotated[int, Field(ge=1, le=500_000)] = 50_000
    """Items in a snapshot at most: all labelled ones, and captioned ones by lot. It bounds the time and the memory of
    freezing: each is looked at once, and compared with every evaluation item of its modality. As many again that were
    trained on before and are in it no more are compared with those that it measures with."""
    max_reserved: Annotated[int, Field(ge=0, le=500_000)] = 10_000
    """Items without a label or caption yet that the random arm may still ask about, those that it asks about first, to
    which nothing that is trained on may be too near. Of further ones, those that are too near to what was trained on
    meanwhile are never measured with."""
    text_similarity: Annotated[float, Field(gt=0, le=1)] = 0.95
    """Texts whose vectors have this cosine at least are near-duplicates of each other."""
    picture_similarity: Annotated[float, Field(gt=0, le=1)] = 0.97
    """Pictures whose thumbnails have this correlation at least are near-duplicates of each other."""
    max_image_pixels: PositiveInt = 100_000_000
    """Pictures with more pixels are not looked at, judged by the header. Curation has the stricter bound."""
    shard_bytes: PositiveInt = 256 * 2**20
    """A WebDataset shard is closed before it grows beyond this."""
    shard_items: PositiveInt = 10_000
    """And after this many items."""
