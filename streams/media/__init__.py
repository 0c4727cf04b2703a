"""Bytes too large for a record: kept in an object store under their digest, carried in the log by reference.

`store.py` is what stages and producers use; `config.py` says where the store is; `backend.py` opens it.
"""
