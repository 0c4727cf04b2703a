"""How it moves: the only package that knows Kafka.

A stage (`stage.py`) is a pure function from facts to facts; the shell that reads, retries, dead-letters and commits is
written once (`runner.py`). `topics.py` is the map of the system. Adapters: `kafka/` for a real broker, `memory.py` for
tests and for trying a stage at a prompt. `media/` keeps bytes that are too large for a record.
"""
