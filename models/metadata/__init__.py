"""The relational database beside the log: small tables that need a transaction, such as idempotency keys.

`engine.py` opens it, SQLite in a file or PostgreSQL by URL. Its tables are created by `infra/migrations/`.
"""
