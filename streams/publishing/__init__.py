"""How items get in: from files, folders, tables and standard input to `items.raw`, each version once.

`sources/` finds items, `offer.py` makes the fact of one, `publisher.py` sends it unless `journal.py` knows that it
was sent before, and `run.py` keeps the count. A program of one's own needs `Offer` and `Publisher` only.
"""
