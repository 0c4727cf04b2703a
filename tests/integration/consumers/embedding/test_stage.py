from pathlib import Path

import numpy as np
import pytest

from consumers.embedding.config import EmbeddingConfig
from consumers.embedding.stage import embedding_stage
from models.encoders.config import EncoderConfig
from models.encoders.mini import MillraceMini
from schemas.items import ItemEmbedded, Modality
from streams.media.store import MediaStore
from tests.contract.pictures import encoded, gradient
from tests.unit.consumers.embedding.builders import curated, incoming

TEXTS = [
    "Undershot wheels are driven by the current at their base.",
    "The senate confirmed the new judge yesterday.",
    "Knead the dough for ten minutes, then let it rise.",
]


@pytest.fixture(scope="module")
def encoder() -> MillraceMini:
    return MillraceMini.load(EncoderConfig())


def test_a_question_finds_the_item_that_answers_it(encoder: MillraceMini, tmp_path: Path) -> None:
    stage = embedding_stage(lambda: (encoder,), MediaStore.open(tmp_path), EmbeddingConfig())
    outcomes = stage.outcomes(incoming(*(curated(str(place), text=text) for place, text in enumerate(TEXTS))))
    stored = np.stack([np.frombuffer(outcome[0].parts[0].vector, dtype="<f4") for outcome in outcomes])
    asked = encoder.encode_texts(
        ["How do I bake bread?", "How does a water wheel turn?", "court appointments in parliament"]
    )
    assert (asked @ stored.T).argmax(axis=1).tolist() == [2, 0, 1]


def test_a_picture_is_embedded_and_marked_untrained(encoder: MillraceMini, tmp_path: Path) -> None:
    media = MediaStore.open(tmp_path)
    stage = embedding_stage(lambda: (encoder,), media, EmbeddingConfig())
    ref = media.put(encoded(gradient()), "image/png")
    [[fact]] = stage.outcomes(incoming(curated("a", Modality.IMAGE, media=ref, text="dawn over a mill")))
    assert isinstance(fact, ItemEmbedded)
    assert (fact.model_version, [part.untrained for part in fact.parts]) == (encoder.version, [True, False])
