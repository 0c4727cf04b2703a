from models.encoders.config import EncoderConfig, EncoderKind
from models.encoders.hashing import HashingEncoder
from models.encoders.loading import load_encoder


def test_the_hashing_encoder_is_loaded_by_its_name() -> None:
    assert isinstance(load_encoder(EncoderConfig(kind=EncoderKind.HASHING)), HashingEncoder)
