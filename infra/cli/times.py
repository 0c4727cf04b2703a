"""Times as people read them on a terminal."""

from datetime import UTC, datetime


def moment(at_ms: int) -> str:
    """Milliseconds since the epoch, to the second, in UTC."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds")
