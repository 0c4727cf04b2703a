"""Embedding: turns what curation let pass into vectors of one model version, or of two while a new one takes over.

`stage.py` is the shell; `embedder.py` does the work for items and spaces; `drafts.py` says what of an item is to be
embedded, `pictures.py` and `texts.py` what is seen and read, `joining.py` what several spaces make of one item;
`spaces.py` knows which spaces those are. `backfill/` fills a new one with the items that were there before it.
"""
