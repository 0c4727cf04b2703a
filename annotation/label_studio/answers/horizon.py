"""How far back a poll has to look. Pure: time is an argument.

Label Studio stamps a change and makes it visible a moment later, so a poll may see a later stamp before an earlier one.
A stamp is behind the horizon once it was seen at least `overlap_s` ago: whatever was stamped before it is visible by
then. So a poll reads again what changed within that time, and nothing when all is quiet.
"""

from collections import deque
from datetime import UTC, datetime

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Horizon:
    """`since` is where the next poll begins."""

    def __init__(self, since: datetime | None, overlap_s: float) -> None:
        self.since = since or EPOCH
        self._overlap_s = overlap_s
        self._seen: deque[tuple[float, datetime]] = deque()

    def saw(self, stamp: datetime, now_s: float) -> None:
        """A poll that began at `now_s` saw a task with this stamp."""
        if stamp > (self._seen[-1][1] if self._seen else self.since):
            self._seen.append((now_s, stamp))

    def advance(self, now_s: float) -> bool:
        """Whether `since` has moved on."""
        before = self.since
        while self._seen and self._seen[0][0] <= now_s - self._overlap_s:
            self.since = self._seen.popleft()[1]
        return self.since != before
