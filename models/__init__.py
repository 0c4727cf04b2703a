"""What the loop asks: encoders, the vector index and the search service built on them.

Start with `encoders/port.py` and `vector_index/port.py`. `serving/` is a leaf: nothing of the loop imports it.
"""
