"""Consensus in memory: annotations as they stand, and what follows when a fact is read."""
