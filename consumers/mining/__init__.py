"""Keeps the examples that signals mined, for training to read."""
