"""An installation that learns classes, on real parts in one folder: each step of the loop done by whoever does it."""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits
from starlette.testclient import TestClient

from models.registry.records import Rollout
from models.serving.live.encoders import LiveEncoders
from models.serving.search import SearchService
from models.vector_index.config import VectorIndexConfig
from models.vector_index.spaces import VectorSpaces
from schemas.annotations import Arm
from schemas.event import Event
from schemas.items import ItemCurated, Modality
from schemas.training import ModelEvaluated, ModelTrained, TrainingRequested
from streams.record import Origin
from streams.stage import BatchStage, Incoming
from tests.integration.trainers.jobs.mill import ENCODER, TASK
from tests.integration.trainers.learning.digits import WORDS
from tests.unit.models.serving.api.parts import house, talking
from tests.unit.trainers.jobs.bench import Bench
from tests.unit.trainers.snapshots.frozen import curated, settle, settled
from trainers.evaluation.evaluator import Evaluator
from trainers.evaluation.stage import evaluation_stage
from trainers.gate.config import GateConfig
from trainers.jobs.stage import training_stage
from trainers.jobs.worker import Trainer
from trainers.rollout.conductor import Conductor
from trainers.rollout.config import RolloutConfig
from trainers.rollout.proof import proof
from trainers.rollout.stage import rollout_stage

LABELS = "/v1/inference/labels"
ROLLOUT = RolloutConfig()


class ClassMill(Bench):
    """Digits, whose classes people say; the encoder is the one of the settings, and never another one."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, None, ENCODER, TASK)
        data = load_digits()
        order = np.random.default_rng(0).permutation(len(data.images))
        self._pictures = [_png(image) for image in data.images[order]]
        self._classes = [WORDS[target] for target in data.target[order]]
        work, live = self.work, self.work.shelf.configured
        self.index = VectorSpaces.in_folder(
            folder / "index",
            VectorIndexConfig(),
            lambda: work.watch.fresh().encoder_version,
            lambda: work.watch.fresh().written,
        )
        self.index.open(live.version)
        self.live = LiveEncoders(work.watch, work.shelf.get, heads_of=work.shelf.heads)
        self.live.load()
        self.trainer = Trainer(work, "trainer")
        self.evaluator = Evaluator(
            self.registry, work.shelf, work.snapshots, work.media, GateConfig(latency_rounds=2), work.watch
        )
        self.conductor = Conductor(
            self.registry, work.watch, self.index, self.live.shelf_ready, proof(self.index, ROLLOUT), ROLLOUT
        )
        self.service = house(folder, search=SearchService(self.live, self.index), index=self.index)
        self._stages = (
            training_stage(self.registry),
            evaluation_stage(self.registry),
            rollout_stage(self.registry, work.watch, ROLLOUT),
        )

    def label(self, places: Sequence[int], arm: Arm) -> None:
        """People say which digits these are."""
        self.catalogue.write([self._item(place) for place in places])
        said = [settled(_name(place), self._classes[place], task=TASK.name, arm=arm) for place in places]
        settle(self.engine, said)

    def turn(self, job_id: str) -> ModelEvaluated:
        """One turn of the wheel by the recipe `head`, from the request to what serves; the gate's verdict."""
        training, evaluation, rollout = self._stages
        _deliver(training, TrainingRequested(job_id=job_id, cause="labels", recipe="head"))
        assert self.trainer.look()
        assert self.job(job_id).reason == ""
        [trained] = [fact for fact in _told(training) if isinstance(fact, ModelTrained)]
        _deliver(evaluation, trained)
        while self.evaluator.look():
            pass
        [verdict] = _told(evaluation)
        assert isinstance(verdict, ModelEvaluated)
        _deliver(rollout, verdict)
        while self.conductor.look():
            pass
        self.live.load()
        return verdict

    def rollout(self) -> Rollout:
        """The latest one."""
        return self.registry.rollouts.list(1)[0]

    def ask(self, client: TestClient, places: Sequence[int]) -> dict[str, Any]:
        """What the API says of these digits."""
        inputs = [{"modality": "image", "image_base64": b64encode(self._pictures[one]).decode()} for one in places]
        response = client.post(LABELS, json={"task": TASK.name, "inputs": inputs, "top_k": 3})
        found: dict[str, Any] = response.json()
        return {"status": response.status_code, "encoder": response.headers.get("x-model-version")} | found

    def right(self, answer: dict[str, Any], places: Sequence[int]) -> float:
        """The share of the digits whose likeliest class is theirs."""
        said = [result["labels"][0]["label"] for result in answer["results"]]
        return float(np.mean([self._classes[place] == one for place, one in zip(places, said, strict=True)]))

    @contextmanager
    def client(self) -> Iterator[TestClient]:
        with talking(self.service) as client:
            yield client

    def close(self) -> None:
        self.index.close()
        self.engine.dispose()

    def _item(self, place: int) -> ItemCurated:
        media = self.work.media.put(self._pictures[place], "image/png")
        return curated(_name(place), modality=Modality.IMAGE, text=None, media=media, content_sha256=media.sha256)


def _name(place: int) -> str:
    return f"digit-{place:04}"


def _png(pixels: Any) -> bytes:
    file = BytesIO()
    Image.fromarray((pixels * 255 / 16).astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def _deliver(stage: BatchStage, fact: Event) -> None:
    [outcome] = stage.handle([Incoming(fact, Origin(stage.name, 0, 1))])
    assert outcome == ()


def _told(stage: BatchStage) -> list[Event]:
    assert stage.tick is not None
    found: list[Event] = []
    while facts := stage.tick():
        found += facts
    return found
