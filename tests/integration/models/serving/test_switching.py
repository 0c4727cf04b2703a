"""Switches on the real parts under searches: Edge spaces, the registry in its database, encoders loaded beside.

Spaces are removed the moment it is known that a rollout has ended, without the further wait that the conductor allows
for: a search that has taken its turn and finds its space gone must go to the other model by itself.
"""

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from models.encoders.hashing import HashingEncoder
from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from models.registry.records import Rollout, RolloutState
from models.registry.registry import Registry
from models.registry.standing import Watch, standing
from models.serving.live.encoders import LiveEncoders
from models.serving.live.preloading import preloading
from models.serving.search import SearchService
from models.vector_index.edge.ground import EdgeGround
from models.vector_index.port import Content, Entry, Part
from models.vector_index.spaces import VectorSpaces
from schemas.items import Modality
from schemas.training import ReleaseKind
from tests.unit.models.serving.live.standings import ENCODERS, NEW, OLD, THIRD, TRACE
from tests.unit.models.serving.spaces import TEXTS
from tests.unit.models.serving.turning import ANSWERED, FAILED, MISNAMED, MIXED, Judge, Ledger, searched_while

RELEASES = 8
SEARCHES = 50
"""Between two steps of a rollout."""
KNOWN_LATE_S = 0.05
PATIENCE_S = 30


class Deployment:
    """What one process that searches is made of."""

    def __init__(self, folder: Path) -> None:
        self.engine = open_engine(MetadataConfig(url=f"sqlite:///{folder / 'metadata.sqlite'}"))
        self.registry = Registry(self.engine)
        self.registry.create_tables()
        self.watch = Watch(self.registry, OLD.version, refresh_s=KNOWN_LATE_S)
        self.index = VectorSpaces(EdgeGround(folder / "index"), self._live, self._written)
        self.live = LiveEncoders(self.watch, ENCODERS.__getitem__)
        self.patrol = preloading(self.live)
        self.ledger = Ledger()
        self.judge = Judge((OLD, NEW, THIRD), self.ledger)
        self.ledger.allow(0, "live", OLD.version)
        self.fill(OLD)
        self.live.load()
        self.patrol.start()

    def _live(self) -> str:
        return standing(self.registry, OLD.version).encoder_version

    def _written(self, fresh: bool = False) -> tuple[str, ...]:
        return (self.watch.fresh() if fresh else self.watch.current()).written

    def fill(self, encoder: HashingEncoder) -> None:
        vectors = encoder.encode_texts(list(TEXTS.values())).astype("<f4")
        self.index.ensure_space(encoder.version, encoder.dim)
        entries = []
        for vector, (name, text) in zip(vectors, TEXTS.items(), strict=True):
            part = Part(Modality.TEXT, vector.tobytes(), text)
            entries.append(Entry("default", name, 1, Content(Modality.TEXT, encoder.version, (part,))))
        self.index.apply(entries)

    def rest(self) -> None:
        """Until some more searches were answered."""
        judged, give_up = self.judge.judged, time.monotonic() + PATIENCE_S
        while self.judge.judged < judged + SEARCHES and time.monotonic() < give_up:
            time.sleep(KNOWN_LATE_S)

    def close(self) -> None:
        self.patrol.stop()
        self.index.close()
        self.engine.dispose()


def turned(deployment: Deployment) -> None:
    """Releases one encoder after the other; each third is rolled back, and each fifth given up before it serves."""
    encoders, place = (OLD, NEW, THIRD), 0
    for number in range(RELEASES):
        old, new = encoders[place % 3], encoders[(place + 1) % 3]
        rollout = begun(deployment, old, new)
        if number % 5 == 4:
            ended(deployment, rollout, RolloutState.ABORTED, new)
            continue
        rollout = switched(deployment, rollout)
        if number % 3 == 2:
            back = deployment.registry.rollouts.switch(
                rollout, deployment.watch.fresh().generation, ReleaseKind.ROLLBACK
            )
            assert back is not None
            dropped(deployment, new)
        else:
            ended(deployment, rollout, RolloutState.DONE, old)
            place += 1


def begun(deployment: Deployment, old: HashingEncoder, new: HashingEncoder) -> Rollout:
    """A rollout in its canary, which has answered somebody."""
    generation = deployment.watch.fresh().generation
    deployment.ledger.allow(generation, "candidate", new.version)
    deployment.ledger.allow(generation + 1, "live", new.version)
    deployment.ledger.allow(generation + 1, "previous", old.version)
    deployment.ledger.allow(generation + 2, "live", old.version)
    versions = (new.version, new.version, old.version, old.version)
    rollout = Rollout(str(uuid4()), *versions, RolloutState.PREPARING, 0.4, False, "tests", TRACE, 1, 1)
    assert deployment.registry.rollouts.begin(rollout)
    deployment.watch.fresh()
    deployment.fill(new)
    while new.version not in deployment.live.shelf_ready():
        pass
    canary = deployment.registry.rollouts.change(replace(rollout, state=RolloutState.CANARY))
    assert canary is not None
    deployment.rest()
    return canary


def switched(deployment: Deployment, rollout: Rollout) -> Rollout:
    changed = deployment.registry.rollouts.switch(rollout, deployment.watch.fresh().generation, ReleaseKind.RELEASE)
    assert changed is not None
    deployment.rest()
    return changed


def ended(deployment: Deployment, rollout: Rollout, state: RolloutState, loser: HashingEncoder) -> None:
    assert deployment.registry.rollouts.change(replace(rollout, state=state)) is not None
    dropped(deployment, loser)


def dropped(deployment: Deployment, loser: HashingEncoder) -> None:
    """As soon as it is known here that the rollout is over; searches that began before may still be on their way."""
    while deployment.watch.current().rollout is not None:
        pass
    deployment.index.drop(loser.version)


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    with closing(Deployment(tmp_path)) as deployment, capture_logs():
        yield deployment


def test_no_answer_mixes_versions_and_none_fails_while_spaces_come_and_go(deployment: Deployment) -> None:
    service = SearchService(deployment.live, deployment.index)
    seen = searched_while(lambda: turned(deployment), service.search, deployment.judge)
    assert seen.reasons == set()
    assert (seen.outcomes[MIXED], seen.outcomes[MISNAMED], seen.outcomes[FAILED]) == (0, 0, 0)
    assert seen.outcomes[ANSWERED] > 1000
    assert seen.arms.keys() == {"live", "candidate", "previous"}
