"""Tables of the catalogue and of snapshots. Times are whole milliseconds since the epoch."""

from sqlalchemy import MetaData

metadata = MetaData()
