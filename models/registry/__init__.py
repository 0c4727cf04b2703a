"""What was trained, from what, how good it is, and which of it serves.

One generation number orders all releases: it is raised by compare-and-swap, and it is the fencing token of whoever acts
on what serves.
"""
