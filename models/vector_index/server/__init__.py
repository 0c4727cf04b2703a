"""The vector index on a Qdrant server. `index.py` has what must be known before changing anything here."""

from models.vector_index.server.index import ServerVectorIndex

__all__ = ["ServerVectorIndex"]
