"""The index that people search: one port, Qdrant Edge in process and a Qdrant server behind it. Start with `port.py`."""
