"""The encoders of the spaces that new items are written to."""

from collections.abc import Sequence

import structlog

from models.encoders.port import BREAKS, Encoder
from models.registry.config import WRITER_STALE_S
from models.registry.records import RolloutState
from models.registry.shelf import Shelf
from models.registry.standing import Watch
from streams.clock import Clock, SystemClock
from streams.errors import BadRecord, Misconfigured, Unavailable

logger = structlog.get_logger()

AGAIN_S = 30.0
"""After so long a candidate that could not be loaded is tried again."""


class WrittenSpaces:
    """Says which encoders to embed with now, the live one first."""

    def __init__(self, watch: Watch, shelf: Shelf, clock: Clock | None = None) -> None:
        self._watch = watch
        self._shelf = shelf
        self._clock = clock or SystemClock()
        self._failed_at: dict[tuple[str, bool], float] = {}
        """By version, and whether its rollout prepared."""

    def __call__(self) -> Sequence[Encoder]:
        """Raises Unavailable while it is not known what serves, or while what serves cannot be had.

        A candidate that is not what was registered is left out: it must not keep items from being found, and can never
        pass the comparison of the spaces.
        """
        standing = self._watch.current(WRITER_STALE_S)
        live, *others = standing.written
        try:
            encoders = [self._shelf.get(live)]
        except (BadRecord, Misconfigured) as error:
            raise Unavailable(f"the model that serves cannot be loaded: {error}") from error
        preparing = standing.rollout is not None and standing.rollout.state is RolloutState.PREPARING
        found = (self._if_sound(version, preparing) for version in others)
        return [*encoders, *(encoder for encoder in found if encoder is not None)]

    def _if_sound(self, version: str, preparing: bool) -> Encoder | None:
        """While a rollout prepares, a candidate that cannot be had yet holds nobody up: the backfill begins later.

        As soon as that may have begun, what is left out would be missing for good: then it is asked for at once.
        """
        now, name = self._clock.monotonic(), (version, preparing)
        if now - self._failed_at.get(name, float("-inf")) < AGAIN_S:
            return None
        try:
            return self._shelf.get(version)
        except (BadRecord, Misconfigured, Unavailable, *BREAKS) as error:
            if isinstance(error, Unavailable) and not preparing:
                raise
            logger.warning("a candidate is left out", model_version=version, reason=str(error))
            self._failed_at[name] = now
            return None
