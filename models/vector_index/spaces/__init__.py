"""One index for each model version, behind the port of a single one. `index.py` says how."""

from models.vector_index.spaces.index import VectorSpaces

__all__ = ["VectorSpaces"]
