"""The garbage collector of a worker: it looks for cycles seldom, as facts have none and there are many of them."""

import gc

NEW_OBJECTS = 50_000
"""More than a micro-batch makes. At Python's 700 a tenth of a worker's time goes into looking at facts in hand."""


def look_for_cycles_seldom() -> None:
    """Call once, when all is loaded: what is there by then stays as long as the process, and is never looked at."""
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, *gc.get_threshold()[1:])
