"""A registry with candidates, and an evaluator whose encoders see more or less well."""

from collections.abc import Sequence
from pathlib import Path
from uuid import UUID, uuid5

from models.encoders.port import Encoder
from models.heads.bundle import HeadBundle
from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from models.registry.records import Model, ModelKind, Progress
from models.registry.registry import Registry
from models.registry.standing import Watch
from schemas.event import Event
from schemas.training import ModelTrained, TrainingRequested
from streams.errors import BadRecord
from streams.record import Origin
from streams.stage import Incoming, Outcome
from streams.topics import MODELS_TRAINED
from tests.unit.trainers.evaluation.world import SkilledEncoder, snapshot, store
from trainers.evaluation.evaluator import Evaluator
from trainers.evaluation.stage import evaluation_stage
from trainers.gate.config import GateConfig
from trainers.learning.heads.fitting import fit_heads
from trainers.recipes.head import HeadRecipe
from trainers.snapshots.manifest import Manifest

LIVE = "live"
DIGEST = "0" * 64


class Kept:
    """Things by name; those that are missing are refused as stores refuse them."""

    def __init__(self) -> None:
        self.encoders: dict[str, Encoder] = {}
        self.bundles: dict[str, HeadBundle] = {}
        self.manifests: dict[str, Manifest] = {}


class KeptEncoders(Kept):
    def heads(self, version: str) -> HeadBundle | None:
        return self.bundles.get(version)

    def get(self, version: str) -> Encoder:
        if version not in self.encoders:
            raise BadRecord("artifact_corrupt", f"image-tower.safetensors of {version} holds other bytes")
        return self.encoders[version]


class KeptManifests(Kept):
    def get(self, sha256: str) -> Manifest:
        if sha256 not in self.manifests:
            raise BadRecord("artifact_missing", "the snapshot is gone")
        return self.manifests[sha256]


class Court:
    """Everything an evaluation needs."""

    def __init__(self, folder: Path, config: GateConfig | None = None) -> None:
        self.config = config or GateConfig(latency_rounds=2, latency_items=2, max_latency_ratio=100)
        self.registry = Registry(open_engine(MetadataConfig().resolved(folder)))
        self.registry.create_tables()
        self.media = store(folder)
        self.encoders, self.manifests = KeptEncoders(), KeptManifests()
        self.encoders.encoders[LIVE] = SkilledEncoder(0.1, LIVE)
        self.manifest = snapshot(self.media)
        self.manifests.manifests[self.manifest.sha256] = self.manifest
        watch = Watch(self.registry, LIVE, refresh_s=0)
        self.evaluator = Evaluator(self.registry, self.encoders, self.manifests, self.media, self.config, watch)
        self.stage = evaluation_stage(self.registry)

    def candidate(
        self, version: str, skill: float | None, snapshot_sha256: str | None = None, cause: str = "labels"
    ) -> ModelTrained:
        """Registers a model of a job and tells the stage of it; one without a skill has lost its files."""
        if skill is not None:
            self.encoders.encoders[version] = SkilledEncoder(skill, version)
        digest = self.manifest.sha256 if snapshot_sha256 is None else snapshot_sha256
        return self.trained(Model(version, ModelKind.ENCODER, version, snapshot_sha256=digest), cause)

    def head(self, version: str) -> ModelTrained:
        """The same for heads that the labels of the snapshot have taught, on the live encoder."""
        live = self.encoders.get(LIVE)
        self.encoders.bundles[version] = fit_heads(self.manifest, HeadRecipe(), live, self.media)
        return self.trained(Model(version, ModelKind.HEAD, LIVE, snapshot_sha256=self.manifest.sha256))

    def trained(self, model: Model, cause: str = "labels") -> ModelTrained:
        asked = TrainingRequested(
            event_id=uuid5(UUID(int=1), model.version), job_id=f"job-{model.version}", cause=cause
        )
        self.registry.jobs.submit(asked)
        lease = self.registry.jobs.claim("trainer", 60)
        assert lease is not None
        self.registry.jobs.progress(lease, Progress(), 60)
        registered = Model(
            model.version, model.kind, model.encoder_version, snapshot_sha256=model.snapshot_sha256, job_id=asked.job_id
        )
        self.registry.jobs.finish(lease, registered)
        fact = ModelTrained.following(
            asked,
            job_id=asked.job_id,
            model_version=model.version,
            snapshot_sha256=model.snapshot_sha256 or DIGEST,
            recipe_sha256=DIGEST,
            artifacts=(),
            seconds=1.0,
            kind=model.kind.value,
        )
        assert self.told(fact) == [()]
        return fact

    def told(self, *facts: Event) -> Sequence[Outcome]:
        """Delivers facts to the stage."""
        return list(
            self.stage.handle(
                [Incoming(fact, Origin(MODELS_TRAINED.name, 0, place)) for place, fact in enumerate(facts)]
            )
        )

    def evaluate(self) -> None:
        """Until nothing waits."""
        while self.evaluator.look():
            pass

    def published(self) -> Sequence[Event]:
        assert self.stage.tick is not None
        return self.stage.tick()
