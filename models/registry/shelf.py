"""From the name of a version to its encoder, loaded once a process, and to the heads that it brings.

The configured encoder is there from the start; a registered one is fetched by digest into a folder and checked before
it is opened. Versions that share the plain text tower share its weights in memory.
"""

import threading
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from models.encoders.config import EncoderConfig
from models.encoders.loading import load_encoder
from models.encoders.port import Encoder
from models.heads.bundle import HEADS, HeadBundle, bundle_from_bytes, require_small
from models.registry.artifacts import ArtifactStore
from models.registry.records import Model, ModelKind
from models.registry.stores.models import Models
from models.vector_index.points import space_of
from streams.errors import BadRecord, Unavailable

if TYPE_CHECKING:  # torch is loaded by those who need a model that stands on it
    from models.encoders.text.minilm import MiniLM

SALT = "hashing_salt"
"""Among a model's facts: it is a hashing encoder with this salt, and has no files."""
KEPT = 4
"""Registered encoders in memory: the live one, a candidate, the previous one, and one that is looked at."""


class Shelf:
    """Encoders by version. May be shared by threads; those who ask for a loaded one never wait for another's load."""

    def __init__(self, config: EncoderConfig, models: Models, artifacts: ArtifactStore, folder: Path) -> None:
        """`folder` keeps the files of registered models between starts; processes may share it."""
        self._config = config
        self._models = models
        self._artifacts = artifacts
        self._folder = folder
        self._loading = threading.RLock()
        self._taking = threading.Lock()
        self._loaded: dict[str, Encoder] = {}

    @property
    def configured(self) -> Encoder:
        """The encoder of the settings, ready. Raises Misconfigured where its weights cannot be read."""
        with self._loading:
            return self._configured

    def get(self, version: str) -> Encoder:
        """The encoder of a version, ready; of a head the one that it works on.

        Raises BadRecord if there is no such model or its files are not what was registered, Unavailable while the
        database or the artifact store is away.
        """
        if (found := self._taken(version)) is not None:
            return found
        with self._loading:
            if (found := self._taken(version)) is not None:
                return found
            if version == self._configured.version:
                return self._configured
            return self._load(version)

    def heads(self, version: str) -> HeadBundle | None:
        """The heads that a model brings; None for a model without any, such as the configured encoder.

        Raises BadRecord if they are not what was registered, or were fitted to another encoder's vectors; Unavailable
        while the database or the artifact store is away.
        """
        model = self._models.get(version)
        artifact = next((one for one in model.artifacts if one.path == HEADS), None) if model else None
        if model is None or artifact is None:
            return None
        require_small(artifact.length)
        bundle = bundle_from_bytes(_content(self._artifacts.fetch((artifact,), self._folder_of(model))[HEADS]))
        if bundle.encoder_version != model.encoder_version:
            works_on = f"{version} works on {model.encoder_version}"
            raise BadRecord("foreign_heads", f"{works_on}, and its heads were fitted to {bundle.encoder_version}")
        return bundle

    def _taken(self, version: str) -> Encoder | None:
        """The encoder if it is loaded; it counts as used."""
        configured: Encoder | None = self.__dict__.get("_configured")  # there once somebody has asked for it
        if configured is not None and version == configured.version:
            return configured
        with self._taking:
            if (found := self._loaded.pop(version, None)) is not None:
                self._loaded[version] = found
            return found

    def _load(self, version: str) -> Encoder:
        model = self._models.get(version)
        if model is None:
            raise BadRecord("unknown_model", f"no model {version} is registered, and it is not the configured encoder")
        if model.kind is ModelKind.HEAD:
            return self.get(model.encoder_version)
        encoder = self._of(model)
        if encoder.version != version:
            raise BadRecord("foreign_model", f"what is registered as {version} makes {encoder.version} here")
        encoder.warm_up()
        with self._taking:
            self._loaded[version] = encoder
            for oldest in list(self._loaded)[:-KEPT]:
                del self._loaded[oldest]
        return encoder

    def _of(self, model: Model) -> Encoder:
        if isinstance(salt := model.facts.get(SALT), int):
            from models.encoders.hashing import HashingEncoder

            return HashingEncoder(self._config, salt)
        from models.encoders.released import load_released

        files = self._artifacts.fetch(model.artifacts, self._folder_of(model))
        return load_released(self._config, files, self._texts())

    def _folder_of(self, model: Model) -> Path:
        return self._folder / space_of(model.version)

    def _texts(self) -> "MiniLM | None":
        """A text tower that is in memory already."""
        from models.encoders.mini import MillraceMini

        known = (one for one in (self._configured, *self._loaded.values()) if isinstance(one, MillraceMini))
        return next((one.texts for one in known), None)

    @cached_property
    def _configured(self) -> Encoder:
        encoder = load_encoder(self._config)
        encoder.warm_up()
        return encoder


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Unavailable(f"{path} cannot be read: {error.strerror or error}") from error
