"""Tables in the metadata database: what signals mines lies where training may read it."""

from models.mined.tables import metadata

__all__ = ["metadata"]
