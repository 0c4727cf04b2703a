import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from infra.cli.release import release, rollback
from infra.migrations.run import open_migrated
from infra.settings import flags
from models.encoders.config import EncoderConfig
from models.encoders.hashing import HashingEncoder
from models.metadata.config import MetadataConfig
from models.registry.records import RolloutState
from streams.errors import MillraceError, Misconfigured
from tests.unit.trainers.rollout.world import QUICK, World

BASELINE = HashingEncoder(EncoderConfig()).version

app = typer.Typer()
app.command("release")(release)
app.command("rollback")(rollback)


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation with the encoder that needs no weights."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(flags, "assignments", [f"data_dir={tmp_path}", "encoder.kind=hashing"])
    return tmp_path


@pytest.fixture
def world(data_dir: Path) -> Iterator[World]:
    """Everything that runs in it, on the same database."""
    engine = open_migrated(MetadataConfig().resolved(data_dir))
    world = World(QUICK, engine, baseline=BASELINE)
    world.clock.now = time.time()  # as the command's own
    yield world
    engine.dispose()


def run(*words: str) -> Result:
    return CliRunner().invoke(app, words, catch_exceptions=False)


def test_a_release_says_what_will_happen_and_begins_it(world: World) -> None:
    world.verdict(world.model("candidate-1"), needs_approval=True)
    said = run("release", "candidate-1", "--yes", "--by", "ada").stdout
    assert f"candidate-1 is to follow {BASELINE}, in its own space: items are embedded anew; a canary of 10%" in said
    assert world.rollout().requested_by == "ada"


def test_a_model_is_released_by_its_alias(world: World) -> None:
    world.model("candidate-1")
    world.registry.generations.set_alias("champion", "candidate-1")
    run("release", "champion", "--force", "--yes")
    assert world.rollout().model_version == "candidate-1"


def test_a_dry_run_of_a_release_begins_nothing(world: World) -> None:
    world.model("candidate-1")
    assert "no canary" in run("release", "candidate-1", "--force", "--dry-run").stdout
    assert world.registry.rollouts.list() == []


def test_nobody_is_asked_back_where_nobody_is(world: World) -> None:
    world.model("candidate-1")
    with pytest.raises(Misconfigured, match="add --yes"):
        run("release", "candidate-1", "--force")


def test_a_refusal_is_one_sentence_that_says_what_to_do(world: World) -> None:
    world.model("candidate-1")
    with pytest.raises(MillraceError, match="the gate has not judged candidate-1; run `millrace eval candidate-1`"):
        run("release", "candidate-1", "--yes")


def test_waiting_shows_the_steps_until_it_serves(world: World) -> None:
    world.model("candidate-1")
    with the_loop_runs(world):
        result = run("release", "candidate-1", "--force", "--yes", "--wait")
    assert "candidate-1: preparing" in result.stderr
    assert "candidate-1 serves as generation 1 (prepare" in result.stdout


def test_waiting_for_a_candidate_that_is_given_up_is_an_error_with_the_reason(world: World) -> None:
    world.model("candidate-1")
    world.difference = "12 items are missing"
    world.config = QUICK.model_copy(update={"verify_s": 5})
    with the_loop_runs(world), pytest.raises(MillraceError, match="does not serve: the spaces differ: 12 items"):
        run("release", "candidate-1", "--force", "--yes", "--wait")


def test_a_rollback_of_a_watched_model_is_done_at_once(world: World) -> None:
    world.candidate()
    world.config = QUICK.model_copy(update={"watch_s": 10_000})
    world.run(20)
    assert run("rollback", "--reason", "people complain").stdout == f"{BASELINE} serves again\n"
    assert world.rollout().reason == "people complain"


def test_a_dry_run_of_a_rollback_says_what_it_would_do(world: World) -> None:
    world.candidate()
    assert "preparing) would be given up" in begun(world, "rollback", "--dry-run")
    assert world.rollout().state is RolloutState.PREPARING


def test_a_rollback_before_the_switch_gives_the_candidate_up(world: World) -> None:
    world.candidate()
    assert begun(world, "rollback") == f"the rollout of candidate-1 was given up; {BASELINE} goes on serving\n"


def test_a_late_rollback_releases_the_model_before_anew(world: World) -> None:
    world.candidate()
    world.run(30)
    assert f"{BASELINE} is to follow candidate-1" in run("rollback", "--dry-run").stdout
    assert f"of {BASELINE} has begun" in run("rollback").stdout


def test_who_goes_back_twice_reads_that_the_way_back_was_given_up_and_what_serves(world: World) -> None:
    world.candidate()
    world.run(30)
    run("rollback")
    assert run("rollback").stdout == f"the rollout of {BASELINE} was given up; candidate-1 goes on serving\n"


def test_without_an_installation_there_is_nothing_to_release(data_dir: Path) -> None:
    with pytest.raises(MillraceError, match="nothing has run"):
        run("rollback")


def begun(world: World, *words: str) -> str:
    world.conductor().look()
    return run(*words).stdout


class the_loop_runs:
    """A conductor looks in a thread, with a clock that runs fast."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ending.wait(0.05):
            self._world.run(0.5)
