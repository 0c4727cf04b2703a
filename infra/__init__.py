"""How it is put together: settings, wiring, the command line, processes on one machine, the embedded broker.

The only package that reads the environment (`settings.py`) and the only one that constructs adapters (`wiring.py`).
"""
