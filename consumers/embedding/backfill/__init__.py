"""Filling a candidate's space with the items that were there before it. `service.py` says how; `giving_up.py` ends a
rollout whose candidate breaks, for older items or new ones."""

from consumers.embedding.backfill.giving_up import giving_up
from consumers.embedding.backfill.log import BackfillLog
from consumers.embedding.backfill.marks import BackfillMarks, backfill_marks
from consumers.embedding.backfill.service import Backfill

__all__ = ["Backfill", "BackfillLog", "BackfillMarks", "backfill_marks", "giving_up"]
