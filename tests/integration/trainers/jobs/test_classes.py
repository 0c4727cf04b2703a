"""From labels to answers and back, without a new encoder: SQLite, folders, Qdrant Edge and the real towers."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from models.heads.bundle import HEADS
from models.registry.records import ModelKind, RolloutState
from schemas.annotations import Arm
from tests.integration.trainers.jobs.classes import ROLLOUT, ClassMill
from trainers.rollout.beginning import Wish
from trainers.rollout.going_back import roll_back

MEASURED_WITH, FIRST, SECOND, ASKED = range(100), range(100, 160), range(160, 560), range(600, 660)


@pytest.fixture
def mill(tmp_path: Path) -> Iterator[ClassMill]:
    with closing(ClassMill(tmp_path)) as mill:
        yield mill


def test_labels_become_answers_more_labels_better_ones_and_a_rollback_the_first_again(mill: ClassMill) -> None:
    encoder, spaces = mill.work.shelf.configured.version, mill.index.spaces()
    mill.label(MEASURED_WITH, Arm.RANDOM)
    mill.label(FIRST, Arm.ACTIVE)
    with mill.client() as client:
        nothing = mill.ask(client, ASKED)
        assert (nothing["status"], nothing["type"]) == (409, "urn:millrace:problem:no-heads")

        assert mill.turn("job-1").passed
        first = mill.ask(client, ASKED)
        assert (first["status"], first["generation"], first["encoder"]) == (200, 1, encoder)

        mill.label(SECOND, Arm.ACTIVE)
        assert mill.turn("job-2").passed
        second = mill.ask(client, ASKED)
        assert (second["generation"], second["encoder"]) == (2, encoder)
        assert second["model"] != first["model"]
        assert mill.right(second, ASKED) > mill.right(first, ASKED) > 0.3

        roll_back(mill.registry, mill.work.watch, ROLLOUT, Wish(reason="complaints"))
        mill.live.load()
        third = mill.ask(client, ASKED)
    assert third == first | {"generation": 3}
    assert mill.index.spaces() == spaces


def test_a_head_takes_the_short_path_and_its_file_is_kept(mill: ClassMill) -> None:
    mill.label(MEASURED_WITH, Arm.RANDOM)
    mill.label(FIRST, Arm.ACTIVE)
    verdict = mill.turn("job-1")
    model = mill.registry.models.get(verdict.model_version)
    assert model is not None
    assert (model.kind, model.encoder_version) == (ModelKind.HEAD, mill.work.shelf.configured.version)
    assert model.parent_version == verdict.live_version == mill.work.shelf.configured.version
    assert [artifact.path for artifact in model.artifacts] == [HEADS]
    rollout = mill.rollout()
    assert (rollout.state, set(rollout.steps), dict(rollout.marks)) == (RolloutState.DONE, {"prepare"}, {})
