"""Loading encoders beside the searches, so that none of them waits for a model."""

from models.serving.live.encoders import LiveEncoders
from streams.patrol import Patrol
from streams.retry import BackoffConfig

LOOK_EVERY_S = 0.25


def preloading(live: LiveEncoders) -> Patrol:
    """Keeps the encoders that may have to answer loaded, for as long as the process answers. A service."""

    def load() -> bool:
        live.load()
        return False

    return Patrol("preloading", load, LOOK_EVERY_S, BackoffConfig())
