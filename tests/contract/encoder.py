"""What every encoder must do. Subclasses only say how to build one."""

import numpy as np
import pytest

from models.encoders.config import EncoderConfig
from models.encoders.port import Encoder
from schemas.items import Modality
from streams.errors import BadRecord
from tests.contract.pictures import encoded, gradient, noise

SENTENCES = [
    "The cat sleeps on the warm stove.",
    "A court of appeal hears a case again, and it may confirm, change or reverse what the lower court decided.",
    "Rain.",
    "Voters elect their senators for six years; " * 30,
    "The cat sleeps on the cold floor.",
]

STRANGE = [
    "",
    "   \n",
    "😀",
    "naïve café — “quoted”",
    "数据飞轮",
    "مرحبا بالعالم",
    "e\u0301\u0302",
    "\x00",
    "a" * 5000,
    "ﬁﬂ\u200b",
]


class EncoderContract:
    """Subclasses provide `build`."""

    @classmethod
    def build(cls, config: EncoderConfig) -> Encoder:
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def encoder(cls) -> Encoder:
        return cls.build(EncoderConfig())

    def test_text_vectors_are_float32_rows_of_unit_length(self, encoder: Encoder) -> None:
        vectors = encoder.encode_texts(SENTENCES)
        assert (vectors.dtype, vectors.shape) == (np.float32, (len(SENTENCES), encoder.dim))
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)

    def test_image_vectors_are_float32_rows_of_unit_length(self, encoder: Encoder) -> None:
        vectors = encoder.encode_images([encoded(gradient()), encoded(noise(1))])
        assert (vectors.dtype, vectors.shape) == (np.float32, (2, encoder.dim))
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)

    def test_no_inputs_give_no_rows(self, encoder: Encoder) -> None:
        assert encoder.encode_texts([]).shape == encoder.encode_images([]).shape == (0, encoder.dim)

    def test_the_same_texts_give_the_same_bytes(self, encoder: Encoder) -> None:
        assert encoder.encode_texts(SENTENCES).tobytes() == encoder.encode_texts(SENTENCES).tobytes()

    def test_the_same_pictures_give_the_same_bytes(self, encoder: Encoder) -> None:
        pictures = [encoded(noise(seed)) for seed in range(3)]
        assert encoder.encode_images(pictures).tobytes() == encoder.encode_images(pictures).tobytes()

    def test_a_text_has_the_same_vector_alone_and_among_others_of_any_length(self, encoder: Encoder) -> None:
        alone = np.concatenate([encoder.encode_texts([text]) for text in SENTENCES])
        np.testing.assert_allclose(encoder.encode_texts(SENTENCES), alone, atol=1e-5)

    def test_a_picture_has_the_same_vector_alone_and_among_others(self, encoder: Encoder) -> None:
        pictures = [encoded(noise(seed)) for seed in range(70)]
        np.testing.assert_allclose(
            encoder.encode_images(pictures)[[0, 69]],
            np.concatenate([encoder.encode_images([pictures[0]]), encoder.encode_images([pictures[69]])]),
            atol=1e-5,
        )

    def test_sentences_that_share_words_are_nearer_than_others(self, encoder: Encoder) -> None:
        nearness = encoder.encode_texts(SENTENCES) @ encoder.encode_texts(SENTENCES[:1])[0]
        assert nearness[4] > max(nearness[1:4])

    def test_any_unicode_text_has_a_vector(self, encoder: Encoder) -> None:
        vectors = encoder.encode_texts(STRANGE)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)

    def test_a_very_long_text_counts_by_its_beginning(self, encoder: Encoder) -> None:
        long = "The cat sleeps on the warm stove. " * 30_000
        assert np.isfinite(encoder.encode_texts([long])).all()

    def test_a_picture_stored_in_two_lossless_formats_has_one_vector(self, encoder: Encoder) -> None:
        png, bmp = encoder.encode_images([encoded(gradient(), "PNG"), encoded(gradient(), "BMP")])
        np.testing.assert_array_equal(png, bmp)

    @pytest.mark.parametrize("content", [b"", b"not a picture", encoded(gradient())[:60]], ids=["empty", "text", "cut"])
    def test_a_picture_that_cannot_be_decoded_is_refused_with_its_reason(
        self, encoder: Encoder, content: bytes
    ) -> None:
        with pytest.raises(BadRecord) as refusal:
            encoder.encode_images([encoded(gradient()), content])
        assert refusal.value.reason == "unreadable_image"

    def test_a_picture_with_too_many_pixels_is_refused(self) -> None:
        encoder = self.build(EncoderConfig(max_image_pixels=100))
        with pytest.raises(BadRecord) as refusal:
            encoder.encode_images([encoded(gradient(11, 10))])
        assert refusal.value.reason == "image_too_large"

    def test_a_short_text_is_its_own_only_part(self, encoder: Encoder) -> None:
        assert encoder.split(SENTENCES[0]) == [SENTENCES[0]]

    @pytest.mark.parametrize("text", ["", " \n\t "], ids=["empty", "blank"])
    def test_a_text_without_words_has_no_parts(self, encoder: Encoder, text: str) -> None:
        assert encoder.split(text) == []

    def test_the_parts_of_a_long_text_are_its_sentences_in_order_and_whole(self, encoder: Encoder) -> None:
        text = " ".join(f"Sentence number {number} is about mills." for number in range(300))
        parts = encoder.split(text)
        assert len(parts) > 3
        assert " ".join(parts) == text
        assert all(part.endswith("mills.") for part in parts)

    def test_the_last_word_of_every_part_changes_its_vector(self, encoder: Encoder) -> None:
        parts = encoder.split(" ".join(f"word{number}" for number in range(1500)))
        shortened = [part.rsplit(" ", 1)[0] for part in parts]
        nearness = (encoder.encode_texts(parts) * encoder.encode_texts(shortened)).sum(axis=1)
        assert all(nearness < 1 - 1e-6)

    def test_a_text_has_no_more_parts_than_allowed(self) -> None:
        assert len(self.build(EncoderConfig(max_parts=2)).split(SENTENCES[3] * 100)) == 2

    def test_two_encoders_built_alike_are_one_version(self, encoder: Encoder) -> None:
        assert self.build(EncoderConfig()).version == encoder.version

    def test_it_says_which_modalities_it_encodes_and_which_of_them_are_untrained(self, encoder: Encoder) -> None:
        assert {Modality.TEXT, Modality.IMAGE} <= encoder.modalities
        assert encoder.untrained <= encoder.modalities

    def test_warming_up_changes_no_vector(self, encoder: Encoder) -> None:
        before = encoder.encode_texts(SENTENCES)
        encoder.warm_up()
        np.testing.assert_array_equal(encoder.encode_texts(SENTENCES), before)
