"""Items that may be labelled: how they come, what is kept of them, and how they are found again after a start."""
