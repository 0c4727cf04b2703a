"""Heads on frozen vectors: what they learn from, and how a snapshot becomes a bundle of them."""
