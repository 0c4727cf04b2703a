"""Idempotency keys: a request repeated under the same key gets the first answer again, and its work is done once.

A key is claimed before the work and completed with the answer after it. A claim whose owner died runs out, and the next
repetition takes the work over; the work itself must therefore be harmless to repeat (computed event ids make it so).
"""

import threading
from dataclasses import dataclass
from uuid import uuid4

from sqlalchemy import Connection, Engine, RowMapping, and_, delete, insert, select, text, tuple_, update
from sqlalchemy.exc import IntegrityError

from models.metadata.config import IdempotencyConfig
from models.metadata.tables import idempotency_keys as keys
from streams.clock import Clock, SystemClock

PURGE_EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to do the work of a key."""

    tenant: str
    key: str
    token: str


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What the first request was answered."""

    status: int
    body: str


@dataclass(frozen=True, slots=True)
class OtherRequest:
    """The key stands for a request with another content."""


@dataclass(frozen=True, slots=True)
class InProgress:
    """Another request with this key and content is being worked on."""

    longest_wait_s: float
    """After this long its claim runs out."""


Standing = Claim | StoredAnswer | OtherRequest | InProgress


class IdempotencyKeys:
    """The keys of all tenants. May be shared by threads and by processes. Raises Unavailable with the database."""

    def __init__(self, engine: Engine, config: IdempotencyConfig | None = None, clock: Clock | None = None) -> None:
        self._engine = engine
        self._config = config or IdempotencyConfig()
        self._clock = clock or SystemClock()
        self._purge_lock = threading.Lock()
        self._purged_at = self._clock.monotonic()

    def claim(self, tenant: str, key: str, digest: str) -> Standing:
        """Where the request stands: ours to do, answered before, in progress, or another request's key."""
        self._purge_now_and_then()
        fresh = Claim(tenant, key, uuid4().hex)
        try:
            with self._engine.begin() as connection:
                return self._standing(connection, fresh, digest)
        except IntegrityError:  # another request with this key began between our look and our insert
            with self._engine.begin() as connection:
                return self._standing(connection, fresh, digest)

    def complete(self, claim: Claim, answer: StoredAnswer) -> None:
        """Remember the answer, unless the claim ran out and somebody else took the work over."""
        expires_at = self._now_ms() + _ms(self._config.remembered_s)
        self._change(claim, status=answer.status, body=answer.body, expires_at=expires_at)

    def release(self, claim: Claim) -> None:
        """Give the key back without an answer, so that a repetition may try at once."""
        self._change(claim, claimed_until=0)

    def purge(self) -> int:
        """Removes one batch of expired keys; how many they were."""
        expired = select(keys.c.tenant, keys.c.key).where(keys.c.expires_at <= self._now_ms())
        batch = expired.limit(self._config.purge_rows)
        with self._engine.begin() as connection:
            return connection.execute(delete(keys).where(tuple_(keys.c.tenant, keys.c.key).in_(batch))).rowcount

    def check(self) -> None:
        """Raises Unavailable unless the database answers."""
        with self._engine.execution_options(reading=True).connect() as connection:
            connection.execute(text("SELECT 1"))

    def _standing(self, connection: Connection, fresh: Claim, digest: str) -> Standing:
        place = and_(keys.c.tenant == fresh.tenant, keys.c.key == fresh.key)
        row = connection.execute(select(keys).where(place)).mappings().first()
        now_ms = self._now_ms()
        values = self._claimed(fresh, digest, now_ms)
        if row is None:
            connection.execute(insert(keys).values(tenant=fresh.tenant, key=fresh.key, **values))
            return fresh
        if (settled := _settled(row, digest, now_ms)) is not None:
            return settled
        unchanged = and_(place, keys.c.claim == row["claim"])
        taken = connection.execute(update(keys).where(unchanged).values(**values)).rowcount
        return fresh if taken else InProgress(self._config.claim_s)

    def _claimed(self, fresh: Claim, digest: str, now_ms: int) -> dict[str, object]:
        return {
            "digest": digest,
            "claim": fresh.token,
            "claimed_until": now_ms + _ms(self._config.claim_s),
            "status": None,
            "body": None,
            "expires_at": now_ms + _ms(self._config.remembered_s),
        }

    def _change(self, claim: Claim, **values: object) -> None:
        ours = and_(keys.c.tenant == claim.tenant, keys.c.key == claim.key, keys.c.claim == claim.token)
        with self._engine.begin() as connection:
            connection.execute(update(keys).where(ours).values(**values))

    def _purge_now_and_then(self) -> None:
        with self._purge_lock:
            now = self._clock.monotonic()
            if now - self._purged_at < PURGE_EVERY_S:
                return
            self._purged_at = now
        self.purge()

    def _now_ms(self) -> int:
        return _ms(self._clock.time())


def _settled(row: RowMapping, digest: str, now_ms: int) -> Standing | None:
    """Where a known key stands, or None if its work may be taken over."""
    if row["expires_at"] <= now_ms:
        return None
    if row["digest"] != digest:
        return OtherRequest()
    if row["status"] is not None:
        return StoredAnswer(row["status"], row["body"])
    if row["claimed_until"] > now_ms:
        return InProgress((row["claimed_until"] - now_ms) / 1000)
    return None


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
