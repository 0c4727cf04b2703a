"""The neighbour graph of the items, and what labels say through it."""
