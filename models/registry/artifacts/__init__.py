"""The files of models: whole or absent, and what their digests say before anybody opens them."""

from models.registry.artifacts.store import ArtifactStore

__all__ = ["ArtifactStore"]
