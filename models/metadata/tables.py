"""Tables of the metadata database that belong to no single stage.

Times are whole milliseconds since the epoch: exact, and the same in every database.
"""

from sqlalchemy import BigInteger, CheckConstraint, Column, Integer, MetaData, String, Table, Text

metadata = MetaData()

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("key", String(255), primary_key=True, comment="As the client chose it."),
    Column("digest", String(64), nullable=False, comment="SHA-256 of the request that the key stands for."),
    Column("claim", String(32), nullable=False, comment="Who works on it, or did; changes with every takeover."),
    Column("claimed_until", BigInteger, nullable=False, comment="Until then nobody else may take the work over."),
    Column("status", Integer, nullable=True, comment="HTTP status of the answer; NULL while there is none."),
    Column("body", Text, nullable=True, comment="Body of the answer."),
    Column("expires_at", BigInteger, nullable=False, index=True, comment="The key may be used anew from then on."),
    CheckConstraint("(status IS NULL) = (body IS NULL)", name="ck_idempotency_keys_answer_is_whole"),
)
