"""What another ranking would have earned, told from the log of the one that served.

`estimators.py` has the estimates, on plain arrays; `searches.py` makes such arrays of our own facts. Both need a log
with chance in it (`search.exploration`): what was never shown anywhere tells nothing.
"""
