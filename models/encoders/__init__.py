"""Encoders: items and queries to vectors of one shared space. The port is `port.py`; start there."""
