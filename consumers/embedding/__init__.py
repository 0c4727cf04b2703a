"""Embedding: turns what curation let pass into vectors of one model version.

`stage.py` is the shell; `drafts.py` says what of an item is to be embedded; `pictures.py` reads media within bounds.
"""
