"""From a configuration to the encoder it names; only that one's libraries are imported."""

from models.encoders.config import EncoderConfig, EncoderKind
from models.encoders.port import Encoder


def load_encoder(config: EncoderConfig) -> Encoder:
    """The encoder, ready after its `warm_up`. Raises Misconfigured where its weights cannot be read."""
    if config.kind is EncoderKind.HASHING:
        from models.encoders.hashing import HashingEncoder

        return HashingEncoder(config)
    from models.encoders.mini import MillraceMini

    return MillraceMini.load(config)
