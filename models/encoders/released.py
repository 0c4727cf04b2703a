"""From the files of a registered model to its encoder."""

from collections.abc import Mapping
from pathlib import Path

from models.encoders.config import EncoderConfig
from models.encoders.image_tower import ImageTower
from models.encoders.mini import MillraceMini, text_tower
from models.encoders.text.adapter import Adapter
from models.encoders.text.minilm import MiniLM
from streams.errors import BadRecord, Misconfigured

IMAGE_TOWER = "image-tower.safetensors"
TEXT_ADAPTER = "text-adapter.safetensors"


def load_released(config: EncoderConfig, files: Mapping[str, Path], texts: MiniLM | None = None) -> MillraceMini:
    """The encoder of these files, by their names. `texts` lends its weights: they are shared, not read again.

    Without an adapter among the files the text tower is the plain one. Raises BadRecord for files of another kind.
    """
    if IMAGE_TOWER not in files:
        raise BadRecord(
            "artifact_missing", f"a released encoder has a file {IMAGE_TOWER}; this one has {sorted(files)}"
        )
    plain = texts or text_tower(config)
    adapter = Adapter.load(files[TEXT_ADAPTER]) if TEXT_ADAPTER in files else None
    return MillraceMini(plain.adapted(adapter), _image_tower(files[IMAGE_TOWER], plain.dim, config))


def save_released(encoder: MillraceMini, folder: Path) -> tuple[Path, ...]:
    """The files that `load_released` makes this encoder of."""
    folder.mkdir(parents=True, exist_ok=True)
    encoder.images.save(folder / IMAGE_TOWER)
    if encoder.texts.adapter is None:
        return (folder / IMAGE_TOWER,)
    encoder.texts.adapter.save(folder / TEXT_ADAPTER)
    return folder / IMAGE_TOWER, folder / TEXT_ADAPTER


def _image_tower(path: Path, dim: int, config: EncoderConfig) -> ImageTower:
    try:
        return ImageTower.load(path, dim, config)
    except Misconfigured as error:
        raise BadRecord("artifact_unreadable", f"{path.name}: {error}") from error
