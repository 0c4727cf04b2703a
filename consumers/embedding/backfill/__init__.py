"""Filling a candidate's space with the items that were there before it. `service.py` says how."""

from consumers.embedding.backfill.log import BackfillLog
from consumers.embedding.backfill.marks import BackfillMarks, backfill_marks
from consumers.embedding.backfill.service import Backfill

__all__ = ["Backfill", "BackfillLog", "BackfillMarks", "backfill_marks"]
