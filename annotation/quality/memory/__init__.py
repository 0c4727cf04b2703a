"""Consensus in the metadata database: its pages, what it answered, and the transactions around them."""
