"""A worker: one process that runs a list of stages, each in a thread of its own, and perhaps the API."""
