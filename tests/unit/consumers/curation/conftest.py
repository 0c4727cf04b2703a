"""A curation stage on real parts that need no socket: a folder for media, SQLite in memory for claims."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from consumers.curation.claims import Claims
from consumers.curation.config import CurationConfig
from consumers.curation.stage import curation_stage
from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from streams.media.store import MediaStore
from streams.stage import BatchStage


@pytest.fixture
def media(tmp_path: Path) -> MediaStore:
    return MediaStore.open(tmp_path / "media")


@pytest.fixture
def build(media: MediaStore) -> Callable[..., BatchStage]:
    """Builds a stage with claims of its own and the given bounds."""

    def build(log_epoch: int = 0, **bounds: Any) -> BatchStage:
        claims = Claims(open_engine(MetadataConfig(url="sqlite:///:memory:")))
        claims.create_tables()
        return curation_stage(CurationConfig(**bounds), media, claims, log_epoch)

    return build
