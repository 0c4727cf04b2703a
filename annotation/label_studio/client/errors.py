"""What Label Studio may decline, besides being down (Unavailable) and not letting us in (Misconfigured)."""

from streams.errors import MillraceError


class Declined(MillraceError):
    """A request that makes no sense to the server, with what it said about it."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Invalid(Declined):
    """400: something in the request is wrong. Of a batch nothing was created."""


class Absent(Declined):
    """404: no such project, task or annotation; perhaps it was deleted."""


class AlreadyThere(Declined):
    """409: what was to be created exists."""
