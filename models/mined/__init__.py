"""Examples mined from use, as training reads them: queries that failed, and hard negatives.

`store.py` writes and reads; only what came with consent ever gets here (consumers/signals).
"""
