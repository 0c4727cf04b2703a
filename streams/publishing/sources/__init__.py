"""Where items are found: `folders.py` walks files and folders, `standard_input.py` reads a pipe, `rows.py` tables."""
