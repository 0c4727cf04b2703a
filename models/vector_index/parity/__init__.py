"""The proof that a new space holds what the live one holds, and is searched well."""

from models.vector_index.parity.comparison import Parity, compare
from models.vector_index.parity.recall import recall_against_exact

__all__ = ["Parity", "compare", "recall_against_exact"]
