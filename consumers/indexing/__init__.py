"""Indexing: embedded items and withdrawals reach the vector index, and each that took effect is told."""
