"""What can go wrong between those who work on models."""

from streams.errors import MillraceError


class LeaseLost(MillraceError):
    """Somebody else works on the job by now, or it has ended: what its former owner made must not be published."""
