"""What we say: the facts that travel between the parts of Millrace.

Everything here is a frozen pydantic model and imports nothing but pydantic and the standard library, so that any
producer or consumer can depend on it alone. Start with `event.py`, then `items.py`; `catalogue.py` lists them all.
"""
