"""Tables in the metadata database."""

from sqlalchemy import MetaData

metadata = MetaData()
