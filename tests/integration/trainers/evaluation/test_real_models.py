"""Registered models with real towers before the gate: files from the store, pictures from the store, a database."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from models.encoders.config import EncoderConfig
from models.encoders.image_tower import ImageTower, PictureNet
from models.encoders.loading import load_encoder
from models.encoders.mini import MillraceMini
from models.encoders.released import load_released
from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from models.registry.artifacts import ArtifactStore
from models.registry.records import Evaluation, Model, ModelKind
from models.registry.registry import Registry
from models.registry.shelf import Shelf
from models.registry.standing import Watch
from schemas.annotations import Arm
from schemas.items import Modality
from streams.media.store import MediaStore
from trainers.evaluation.asking import ask_again
from trainers.evaluation.evaluator import Evaluator
from trainers.gate.config import GateConfig
from trainers.snapshots.manifest import Manifest
from trainers.snapshots.rows import Row, Split, TaskFacts, TaskLabel
from trainers.snapshots.store import SnapshotStore

COLOURS = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (30, 40, 220), "yellow": (230, 220, 40)}
TASK = TaskFacts("colours", "default", "class", tuple(COLOURS), "a photo of a {label} wall")
CONFIG = EncoderConfig(threads=1)
TOWER = "image-tower.safetensors"


def wall(colour: str, place: int) -> bytes:
    """A noisy wall, as PNG."""
    noise = np.random.default_rng(place).normal(0, 40, (32, 32, 3))
    written = BytesIO()
    Image.fromarray(np.clip(noise + COLOURS[colour], 0, 255).astype(np.uint8)).save(written, "PNG")
    return written.getvalue()


class Mill:
    """An installation in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "media").mkdir()
        self.media = MediaStore.open(folder / "media")
        self.artifacts = ArtifactStore.open(folder / "artifacts")
        engine = open_engine(MetadataConfig().resolved(folder))
        self.registry = Registry(engine)
        self.registry.create_tables()
        self.snapshots = SnapshotStore(engine, self.artifacts)
        self.snapshots.create_tables()
        self.shelf = Shelf(CONFIG, self.registry.models, self.artifacts, folder / "models")
        self.live = self.shelf.configured
        self.manifest = self._frozen()
        watch = Watch(self.registry, self.live.version, refresh_s=0)
        gate = GateConfig(latency_rounds=3, latency_items=4, max_latency_ratio=50)
        self.evaluator = Evaluator(self.registry, self.shelf, self.snapshots, self.media, gate, watch)

    def _frozen(self) -> Manifest:
        rows = [self._row(place) for place in range(120)]
        manifest = Manifest.of("default", self.live.version, [TASK], rows)
        self.snapshots.put(manifest)
        return manifest

    def _row(self, place: int) -> Row:
        colour = list(COLOURS)[place % len(COLOURS)]
        ref = self.media.put(wall(colour, place), "image/png")
        side = Split.EVALUATION if place < 60 else Split.TRAIN
        label = TaskLabel(TASK.name, (colour,), 1.0, Arm.RANDOM, 0)
        return Row(
            "default",
            f"wall-{place:03}",
            place,
            Modality.IMAGE,
            ref.sha256,
            media=ref,
            labels=(label,),
            source="walls",
            split=side,
            group=place,
        )

    def register(self, tower: ImageTower, name: str) -> Model:
        """Keeps a tower as a model."""
        path = self.folder / f"{name}.safetensors"
        tower.save(path)
        artifact = self.artifacts.put_file(path, TOWER)
        version = load_released(CONFIG, {TOWER: path}, self._mini.texts).version
        model = Model(
            version,
            ModelKind.ENCODER,
            version,
            recipe=name,
            snapshot_sha256=self.manifest.sha256,
            artifacts=(artifact,),
        )
        self.registry.models.register(model)
        return model

    def trained(self, steps: int = 60) -> ImageTower:
        """A tower that has learnt the colours of the training side."""
        torch.manual_seed(0)
        torch.set_num_threads(1)
        network, texts = PictureNet(self.live.dim), list(COLOURS)
        targets = torch.from_numpy(self.live.encode_texts([f"a photo of a {name} wall" for name in texts]))
        rows = self.manifest.of_split(Split.TRAIN)
        pictures = torch.stack([_pixels(self.media.get(row.media)) for row in rows if row.media])
        truth = torch.tensor([texts.index(row.labels[0].labels[0]) for row in rows])
        optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3)
        for _ in range(steps):
            loss = torch.nn.functional.cross_entropy(network(pictures) @ targets.T / 0.05, truth)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        return ImageTower(network, CONFIG.image_side_px, trained=True, config=CONFIG)

    def judged(self, model: Model) -> Evaluation:
        evaluation_id, _ = ask_again(self.registry.evaluations, model.version, "test")
        while self.evaluator.look():
            pass
        found = self.registry.evaluations.get(evaluation_id)
        assert found is not None
        return found

    @property
    def _mini(self) -> MillraceMini:
        assert isinstance(self.live, MillraceMini)
        return self.live


def _pixels(content: bytes) -> torch.Tensor:
    with Image.open(BytesIO(content)) as image:
        return torch.from_numpy(np.asarray(image, dtype=np.float32) / 127.5 - 1).permute(2, 0, 1)


@pytest.fixture(scope="module")
def mill(tmp_path_factory: pytest.TempPathFactory) -> Mill:
    return Mill(tmp_path_factory.mktemp("mill"))


def test_a_trained_tower_passes_against_an_untrained_one(mill: Mill) -> None:
    found = mill.judged(mill.register(mill.trained(), "trained"))
    assert found.verdict is not None
    assert found.verdict.passed, found.verdict.reasons
    assert (found.verdict.items, found.verdict.live_version) == (60, mill.live.version)


def test_another_untrained_tower_does_not_pass(mill: Mill) -> None:
    other = EncoderConfig(threads=1, image_seed=7)
    found = mill.judged(mill.register(ImageTower.seeded(mill.live.dim, other), "untrained"))
    assert found.verdict is not None
    assert not found.verdict.passed


def test_a_tower_whose_file_was_damaged_in_the_store_fails_by_name(mill: Mill) -> None:
    other = EncoderConfig(threads=1, image_seed=8)
    model = mill.register(ImageTower.seeded(mill.live.dim, other), "damaged")
    digest = model.artifacts[0].sha256
    [stored] = [path for path in (mill.folder / "artifacts").rglob("*") if path.name == digest]
    content = bytearray(stored.read_bytes())
    content[-1] ^= 1
    stored.chmod(0o644)
    stored.write_bytes(content)
    found = mill.judged(model)
    assert found.verdict is None
    assert "image-tower.safetensors" in (found.failure or "")


def test_the_built_in_encoder_was_trained_on_nothing_and_cannot_be_judged(mill: Mill) -> None:
    built_in = load_encoder(CONFIG)
    found = mill.judged(Model(built_in.version, ModelKind.ENCODER, built_in.version))
    assert "is registered" in (found.failure or "")
