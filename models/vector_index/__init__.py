"""The index that people search: one port, and Qdrant behind it in process or as a server. Start with `port.py`."""
