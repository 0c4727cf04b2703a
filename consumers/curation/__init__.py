"""Curation: looks at every raw item once and says what it is, or why it cannot be kept.

`stage.py` is the shell; `inspection.py` puts the rules of `content/` in order; `claims.py` remembers which item owns
which content and what was answered to whom.
"""
