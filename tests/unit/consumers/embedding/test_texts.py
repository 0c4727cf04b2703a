from consumers.embedding.texts import ENTRY_BYTES, TextVectors
from models.encoders.config import EncoderConfig
from models.encoders.hashing import HashingEncoder
from tests.unit.consumers.embedding.test_spaces import Twin

VECTOR_BYTES = 4 * HashingEncoder.dim


def test_a_window_is_encoded_once() -> None:
    texts, encoder = TextVectors(2**20), Twin(1)
    first = texts.of(["a mill", "a race", "a mill"], encoder)
    assert texts.of(["a race"], encoder) == {"a race": first["a race"]}
    assert encoder.texts_read == 2


def test_another_tower_never_gets_the_vectors_of_the_first() -> None:
    texts = TextVectors(2**20)
    plain, salted = HashingEncoder(EncoderConfig()), HashingEncoder(EncoderConfig(), salt=1)
    assert texts.of(["a mill"], plain) != texts.of(["a mill"], salted)


def test_what_was_not_used_for_longest_is_forgotten_first() -> None:
    texts, encoder = TextVectors(2 * (VECTOR_BYTES + ENTRY_BYTES)), Twin(1)
    for window in ("one", "two", "one", "three", "one", "two"):
        texts.of([window], encoder)
    assert encoder.texts_read == 4  # one, two, three, and two again


def test_a_run_larger_than_the_bound_is_answered_whole() -> None:
    windows = [f"window {number}" for number in range(10)]
    assert list(TextVectors(VECTOR_BYTES).of(windows, Twin(1))) == windows
