"""What went wrong, named by what the runner does next.

MillraceError
├── BadRecord       this record can never succeed   -> dead letter, carry on
├── NotYet          this record cannot succeed yet  -> park it, carry on; replayed by command
├── Unavailable     the world is down right now     -> pause, back off, same records again
└── Misconfigured   we were started wrongly         -> refuse to start

Anything else is a bug and stops the process with its traceback.
"""


class MillraceError(Exception):
    """Anything Millrace raises on purpose. The message says what happened and what to do."""


class BadRecord(MillraceError):
    """This record can never succeed. `reason` is a short snake_case word that can be counted."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class NotYet(MillraceError):
    """This record cannot succeed yet. `reason` is a short snake_case word; `detail` says what is awaited."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class Unavailable(MillraceError):
    """A dependency does not answer at the moment. The message names it."""


class Misconfigured(MillraceError):
    """Settings, folders or versions make it impossible to start. The message names the setting to change."""
