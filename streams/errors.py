"""What went wrong, named by what the runner does next.

MillraceError
├── Refusal
│   ├── BadRecord   this record can never succeed   -> dead letter, carry on
│   └── NotYet      this record cannot succeed yet  -> park it, carry on; replayed by command
├── Unavailable     the world is down right now     -> pause, back off, same records again
└── Misconfigured   we were started wrongly         -> refuse to start

Anything else is a bug and stops the process with its traceback.
"""

from schemas.event import Event


class MillraceError(Exception):
    """Anything Millrace raises on purpose. The message says what happened and what to do."""


class Refusal(MillraceError):
    """A record is set aside. `reason` is a short snake_case word that can be counted, `detail` a sentence.

    `also` are facts to publish all the same, such as the withdrawal of what the record would have replaced.
    """

    def __init__(self, reason: str, detail: str = "", also: tuple[Event, ...] = ()) -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail
        self.also = also


class BadRecord(Refusal):
    """This record can never succeed: it becomes a dead letter."""


class NotYet(Refusal):
    """This record cannot succeed yet: it is parked, and replayed by command once what it awaits is there."""


class Unavailable(MillraceError):
    """A dependency does not answer at the moment. The message names it."""


class Misconfigured(MillraceError):
    """Settings, folders or versions make it impossible to start. The message names the setting to change."""
