"""All that a trainer needs, with real parts in one folder: pictures of digits, their labels, and the real towers."""

from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits

from annotation.tasks import TaskConfig
from models.encoders.config import EncoderConfig
from schemas.annotations import Arm
from schemas.items import ItemCurated, Modality
from tests.integration.trainers.learning.digits import PROMPT, WORDS
from tests.integration.trainers.loop.runs import said
from tests.unit.trainers.jobs.bench import Bench
from tests.unit.trainers.snapshots.frozen import curated, settle, settled
from trainers.jobs.folders import folder_of
from trainers.loop.progress import FILE, Kind, Line

TASK = TaskConfig(name="digits", labels=WORDS, prompt=PROMPT, modalities=(Modality.IMAGE,))
ENCODER = EncoderConfig(threads=1)
STEPS, CHECKPOINT_STEPS = 16, 4
FEW_STEPS = {"steps": STEPS, "batch": 16, "side_batch": 4}
JOB = "job-1"
LABELS, MEASURED_WITH = 60, 12


class Mill(Bench):
    """An installation. To open a folder again finds what is there."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            folder, None, ENCODER, TASK, checkpoint_steps=CHECKPOINT_STEPS, heartbeat_s=0.5, lease_s=4.0, ranks=2
        )

    def fill(self) -> None:
        """Labelled digits, some of them of the random arm."""
        data = load_digits()
        order = np.random.default_rng(0).permutation(len(data.images))[:LABELS]
        classes = [WORDS[data.target[place]] for place in order]
        self.catalogue.write([self._digit(number, data.images[place]) for number, place in enumerate(order)])
        arms = [Arm.RANDOM if number < MEASURED_WITH else Arm.ACTIVE for number in range(LABELS)]
        standings = [
            settled(f"digit-{number:03}", name, task=TASK.name, arm=arm)
            for number, (name, arm) in enumerate(zip(classes, arms, strict=True))
        ]
        settle(self.engine, standings)

    @property
    def run(self) -> Path:
        """The folder of the job."""
        return folder_of(self.work.folder, JOB)

    def said(self, kind: Kind) -> list[Line]:
        """What the ranks have said of a kind."""
        return said(self.run, kind) if (self.run / FILE).exists() else []

    def _digit(self, number: int, pixels: NDArray[np.float64]) -> ItemCurated:
        file = BytesIO()
        Image.fromarray((pixels * 255 / 16).astype(np.uint8)).save(file, "PNG")
        media = self.work.media.put(file.getvalue(), "image/png")
        return curated(
            f"digit-{number:03}", modality=Modality.IMAGE, text=None, media=media, content_sha256=media.sha256
        )
