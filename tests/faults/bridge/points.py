"""Named places at which the bridge kills itself, and the switches that break a rule of it. The product has no hooks."""

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from annotation.label_studio.answers import ledger
from annotation.label_studio.answers.ledger import Ledger
from annotation.label_studio.client.label_studio import LabelStudio
from annotation.label_studio.outbox import Outbox
from annotation.label_studio.sending.projects import Projects
from annotation.label_studio.tables import State
from annotation.label_studio.telling.messages import Messages


class Point(StrEnum):
    BEFORE_OUTBOX = "before_outbox"
    AFTER_OUTBOX = "after_outbox"
    """Requests are written, their offset is not committed."""
    AFTER_ATTEMPT = "after_attempt"
    """It is noted that tasks are about to be created."""
    BEFORE_IMPORT = "before_import"
    AFTER_IMPORT = "after_import"
    """The tasks are there, and nobody has written it down."""
    AFTER_SENT = "after_sent"
    """The tasks' ids are written."""
    BEFORE_REMOVE = "before_remove"
    AFTER_REMOVE = "after_remove"
    """Tasks are deleted, and nobody has written it down."""
    MID_KNOWN = "mid_known"
    """Known state and messages are written, not committed."""
    AFTER_KNOWN = "after_known"
    """They are committed, nothing is published."""
    BEFORE_PUBLISH = "before_publish"
    AFTER_PUBLISH = "after_publish"
    """The log has them, and nobody has written it down."""
    AFTER_MARK = "after_mark"
    AFTER_HORIZON = "after_horizon"


class Sabotage(StrEnum):
    SENT_BEFORE_SENDING = "sent_before_sending"
    """Requests are marked as sent before they are."""
    FORGET_KNOWN = "forget_known"
    """Nobody remembers what was told about annotations."""


@dataclass
class Fuse:
    """Kills the process when a point is passed for the so-many-th time."""

    point: Point | None = None
    count: int = 1
    passed: Counter[Point] = field(default_factory=Counter)

    def at(self, point: Point) -> None:
        self.passed[point] += 1
        if point is self.point and self.passed[point] == self.count:
            os.kill(os.getpid(), signal.SIGKILL)


Something = Callable[[tuple[Any, ...], Any], bool]
"""Arguments and result: whether the call did anything."""


def mine(fuse: Fuse) -> None:
    """Puts the points into the product's classes. Calls that do nothing pass no point."""
    given: Something = lambda arguments, result: bool(arguments[-1])  # noqa: E731
    told: Something = lambda arguments, result: bool(result)  # noqa: E731
    _around(Outbox, "take", fuse, Point.BEFORE_OUTBOX, Point.AFTER_OUTBOX, lambda a, r: bool(a[1] or a[2]))
    _around(Outbox, "attempting", fuse, None, Point.AFTER_ATTEMPT, told)
    _around(Outbox, "sent", fuse, None, Point.AFTER_SENT, given)
    _around(LabelStudio, "import_tasks", fuse, Point.BEFORE_IMPORT, Point.AFTER_IMPORT, given)
    _around(LabelStudio, "delete_tasks", fuse, Point.BEFORE_REMOVE, Point.AFTER_REMOVE, given)
    _around(Ledger, "_write", fuse, None, Point.MID_KNOWN, given)
    _around(Ledger, "apply", fuse, None, Point.AFTER_KNOWN, told)
    _around(Messages, "_done", fuse, Point.AFTER_PUBLISH, Point.AFTER_MARK, given)
    _around(Projects, "read_up_to", fuse, None, Point.AFTER_HORIZON, lambda a, r: True)


def mine_producer(producer: Any, fuse: Fuse) -> None:
    flush = producer.flush

    def mined(timeout_s: float) -> None:
        fuse.at(Point.BEFORE_PUBLISH)
        flush(timeout_s)

    producer.flush = mined


def sabotage(switch: Sabotage | None) -> None:
    if switch is Sabotage.SENT_BEFORE_SENDING:
        attempting = Outbox.attempting

        def hasty(self: Outbox, ids: Iterable[int]) -> set[int]:
            wanted = attempting(self, ids)
            self.settle(wanted, State.SENT)
            return wanted

        Outbox.attempting = hasty  # type: ignore[method-assign]
    if switch is Sabotage.FORGET_KNOWN:

        def forgetful(connection: Any, project_id: int, task_ids: Sequence[int]) -> dict[int, Any]:
            return {}

        assert hasattr(ledger, "_known")
        ledger._known = forgetful


def _around(owner: type, name: str, fuse: Fuse, before: Point | None, after: Point | None, did: Something) -> None:
    call = getattr(owner, name)

    def mined(*arguments: Any, **named: Any) -> Any:
        if before is not None and _full(arguments):
            fuse.at(before)
        result = call(*arguments, **named)
        if after is not None and did(arguments, result):
            fuse.at(after)
        return result

    setattr(owner, name, mined)


def _full(arguments: tuple[Any, ...]) -> bool:
    """Whether there is anything to do it with."""
    return any(bool(argument) for argument in arguments[-2:] if isinstance(argument, list))
