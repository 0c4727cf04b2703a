"""Every table that the code expects in the metadata database."""

from sqlalchemy import MetaData

from annotation.label_studio.tables import metadata as bridge
from annotation.quality.tables import metadata as quality
from annotation.selection.store.tables import metadata as selection
from consumers.curation.claims import metadata as claims
from consumers.scoring.tables import metadata as scoring
from models.labels.tables import metadata as labels
from models.metadata.tables import metadata as shared
from models.mined.tables import metadata as mined
from models.registry.tables import metadata as registry
from trainers.snapshots.tables import metadata as snapshots

DECLARED: tuple[MetaData, ...] = (
    shared,
    claims,
    labels,
    quality,
    selection,
    bridge,
    mined,
    scoring,
    registry,
    snapshots,
)
