"""The vector index in process. `index.py` has what must be known before changing anything here."""

from models.vector_index.edge.index import EdgeVectorIndex

__all__ = ["EdgeVectorIndex"]
