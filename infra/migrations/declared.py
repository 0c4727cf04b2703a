"""Every table that the code expects in the metadata database."""

from sqlalchemy import MetaData

from consumers.curation.claims import metadata as claims
from models.metadata.tables import metadata as shared

DECLARED: tuple[MetaData, ...] = (shared, claims)
