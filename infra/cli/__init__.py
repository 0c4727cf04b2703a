"""The command `millrace`: one module for each group of commands, put together in `main.py`."""
