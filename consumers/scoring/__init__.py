"""How much a label of each item would teach, by the current head and by what lies near. Start with `stage.py`."""
