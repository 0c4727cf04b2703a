import subprocess
import sys

from models.encoders.config import EncoderConfig
from models.encoders.hashing import HashingEncoder
from models.encoders.port import Encoder
from tests.contract.encoder import EncoderContract
from tests.contract.pictures import encoded, gradient, noise


class TestHashingEncoder(EncoderContract):
    @classmethod
    def build(cls, config: EncoderConfig) -> Encoder:
        return HashingEncoder(config)

    def test_a_picture_is_nearer_to_its_smaller_copy_than_to_another_one(self, encoder: Encoder) -> None:
        picture, copy, other = encoder.encode_images(
            [encoded(gradient(64, 64)), encoded(gradient(32, 32), "JPEG"), encoded(noise(1))]
        )
        assert picture @ copy > picture @ other


class TestSaltedHashingEncoder(EncoderContract):
    @classmethod
    def build(cls, config: EncoderConfig) -> Encoder:
        return HashingEncoder(config, salt=3)


def test_a_salt_makes_another_space_under_another_name() -> None:
    plain, salted = HashingEncoder(EncoderConfig()), HashingEncoder(EncoderConfig(), salt=3)
    assert (plain.version, salted.version) == ("hashing-384-v1", "hashing-384-v1-salt3")
    text, picture = "the race of a mill", encoded(gradient())
    assert abs(float(plain.encode_texts([text])[0] @ salted.encode_texts([text])[0])) < 0.2
    assert abs(float(plain.encode_images([picture])[0] @ salted.encode_images([picture])[0])) < 0.2


def test_neither_the_port_nor_the_hashing_encoder_imports_torch() -> None:
    code = "import sys, models.encoders.hashing, models.encoders.loading; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"
