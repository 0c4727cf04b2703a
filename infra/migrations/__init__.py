"""Brings the metadata database to the schema of this code. `migrate` (run.py) is called whenever a process starts.

Revisions lie in `versions/`, one file a step, written by hand and never edited once released. Their sum equals the
tables that the code declares (`declared.py`); a test compares the two. A step only adds or widens, so that processes of
the version before keep working while a fleet is upgraded.
"""
