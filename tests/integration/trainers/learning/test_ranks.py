"""The real towers under the real engine."""

from pathlib import Path

import numpy as np
import pytest

from models.encoders.config import EncoderConfig
from models.encoders.mini import MillraceMini
from models.encoders.released import load_released
from streams.media.store import MediaStore
from tests.integration.trainers.learning.digits import PROMPT, WORDS, Digits
from tests.integration.trainers.learning.learner import learn
from tests.integration.trainers.learning.questions import OTHERS, questions
from trainers.learning.data.dataset import open_dataset
from trainers.learning.data.materialise import materialise
from trainers.learning.lesson import RECIPE
from trainers.learning.trainee import build, export
from trainers.loop.config import TrainingConfig
from trainers.loop.launcher import TrainingRun
from trainers.recipes.overrides import resolved
from trainers.snapshots.manifest import Manifest


def test_two_ranks_learn_what_one_process_learns(tmp_path: Path) -> None:
    recipe = resolved("text-lora", {"steps": 4, "batch": 8, "side_batch": 4, "weight_decay": 0})
    media, parent = MediaStore.open(tmp_path / "media"), MillraceMini.load(EncoderConfig(threads=1))
    parts = (Digits().manifest(media, 24), questions())
    tasks, rows = [task for part in parts for task in part.tasks], [row for part in parts for row in part.rows]
    folder = materialise(Manifest.of("default", "", tasks, rows), recipe, media, parent, [], tmp_path / "run")
    (folder / RECIPE).write_text(recipe.model_dump_json())

    result = TrainingRun(folder, TrainingConfig(ranks=2)).run(lambda _: None, lambda: False)
    trainee, data = build(recipe, open_dataset(folder)), open_dataset(folder)
    losses = learn(trainee, data, recipe)

    trained, alone = (
        load_released(EncoderConfig(), {path.name: path for path in files}, parent.texts)
        for files in (result.files, export(trainee, tmp_path / "alone"))
    )
    assert result.loss == pytest.approx(losses[-1], abs=1e-3)
    texts = [*OTHERS, *(PROMPT.format(label=word) for word in WORDS)]
    np.testing.assert_allclose(trained.encode_texts(texts), alone.encode_texts(texts), atol=2e-3)
    assert not np.allclose(trained.encode_texts(texts), parent.encode_texts(texts), atol=2e-3)
