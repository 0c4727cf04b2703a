"""Jobs of the recipe `head`, whole: they need no ranks, and any encoder will do."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid5

import pytest
from pydantic_core import to_json

from models.heads.bundle import HEADS, HeadName, bundle_from_bytes, version_of
from models.registry.records import Model, ModelKind, Progress, Rollout, RolloutState
from schemas.annotations import Arm
from schemas.training import ModelTrained, ReleaseKind
from streams.errors import BadRecord, Misconfigured, Unavailable
from tests.unit.models.serving.live.standings import TRACE
from tests.unit.trainers.jobs.bench import Bench
from tests.unit.trainers.learning.heads.taught import WORDS
from tests.unit.trainers.snapshots.frozen import curated, settle, settled
from trainers.jobs.run import train
from trainers.jobs.steps import SECONDS
from trainers.jobs.workbench import Trained
from trainers.jobs.worker import Trainer
from trainers.loop.launcher import RunStopped
from trainers.recipes.hashes import recipe_sha256
from trainers.recipes.head import HeadRecipe
from trainers.recipes.overrides import resolved

ABOUT = HeadName("default", "topic")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.engine.dispose()


def label(bench: Bench, places: range, arm: Arm = Arm.ACTIVE, only: str | None = None) -> None:
    """Texts with their classes."""
    names = [list(WORDS)[place % 3] for place in places]
    items = [
        curated(f"text-{n:03}", content=f"{WORDS[name][n // 3 % 4]} {WORDS[name][n % 4]} number{n}")
        for n, name in zip(places, names, strict=True)
    ]
    bench.catalogue.write(items)
    settle(
        bench.engine,
        [settled(f"text-{n:03}", only or name, arm=arm) for n, name in zip(places, names, strict=True)],
    )


def done(bench: Bench, folder: Path, job_id: str = "job-1", told: list[Progress] | None = None) -> Trained:
    if bench.registry.jobs.get(job_id) is None:
        bench.ask(job_id, recipe="head")
    tell = (lambda _: None) if told is None else told.append
    return train(bench.job(job_id), folder, bench.work, tell, lambda: False)


def released(bench: Bench, model: Model) -> None:
    """Serves from here on."""
    before = bench.work.watch.fresh()
    versions = (model.version, model.encoder_version, before.model_version, before.encoder_version)
    name = str(uuid5(UUID(int=0), model.version))
    rollout = Rollout(name, *versions, RolloutState.PREPARING, 0.0, False, "tests", TRACE, 1, 1)
    assert bench.registry.rollouts.begin(rollout)
    done = replace(rollout, state=RolloutState.DONE)
    assert bench.registry.rollouts.switch(done, before.generation, ReleaseKind.RELEASE)


def test_labels_become_a_model_of_heads_on_the_encoder_that_serves(bench: Bench, tmp_path: Path) -> None:
    label(bench, range(45))
    trained = done(bench, tmp_path / "job")
    model, live = trained.model, bench.work.shelf.configured.version
    [artifact] = model.artifacts
    content = bench.work.artifacts.get_bytes(artifact.sha256)
    assert (model.kind, model.encoder_version, model.parent_version) == (ModelKind.HEAD, live, live)
    assert (artifact.path, model.version) == (HEADS, version_of(content, live))
    assert set(bundle_from_bytes(content).heads) == {ABOUT}
    assert model.recipe_sha256 == recipe_sha256(HeadRecipe())
    assert model.facts["labels"] == {"active": 45}
    assert (model.facts["heads"], model.facts["classes"]) == (1, 3)


def test_what_every_tenant_may_read_of_a_model_names_no_task(bench: Bench, tmp_path: Path) -> None:
    label(bench, range(45))
    model = done(bench, tmp_path / "job").model
    assert "topic" not in to_json(dict(model.facts)).decode()


def test_the_fact_says_the_same_as_the_model(bench: Bench, tmp_path: Path) -> None:
    label(bench, range(45))
    model, fact = (trained := done(bench, tmp_path / "job")).model, trained.fact
    assert (fact.kind, fact.model_version, fact.artifacts) == ("head", model.version, model.artifacts)
    assert (fact.encoder_version, fact.parent_version) == (model.encoder_version, model.parent_version)
    assert fact.snapshot_sha256 == model.snapshot_sha256


def test_labels_of_the_random_arm_measure_and_do_not_teach(bench: Bench, tmp_path: Path) -> None:
    label(bench, range(45))
    label(bench, range(100, 130), Arm.RANDOM, only="sport")
    first = done(bench, tmp_path / "job").model
    assert first.facts["labels"] == {"active": 45}
    label(bench, range(200, 230), Arm.RANDOM, only="arts")
    bench.registry.models.register(first)
    with pytest.raises(Misconfigured, match="training changed nothing"):
        done(bench, tmp_path / "job-2", "job-2")


def test_a_job_that_is_taken_up_again_gives_the_same_bytes(bench: Bench, tmp_path: Path) -> None:
    label(bench, range(45))
    first = done(bench, tmp_path / "job").model
    label(bench, range(45, 90))  # which came too late for this job
    again = done(bench, tmp_path / "job").model
    assert (again.version, again.artifacts, again.snapshot_sha256) == (
        first.version,
        first.artifacts,
        first.snapshot_sha256,
    )
    (tmp_path / "job" / "heads" / HEADS).unlink()
    assert done(bench, tmp_path / "job").model.version == first.version


def test_a_model_that_was_released_meanwhile_is_not_the_parent_of_a_job_that_began_before(
    bench: Bench, tmp_path: Path
) -> None:
    label(bench, range(45))
    first = done(bench, tmp_path / "job").model
    bench.registry.models.register(first)
    released(bench, first)
    assert done(bench, tmp_path / "job").model.parent_version == first.parent_version
    label(bench, range(45, 90))
    second = done(bench, tmp_path / "job-2", "job-2").model
    assert (second.parent_version, second.encoder_version) == (first.version, first.encoder_version)


def test_with_nothing_to_learn_the_job_fails_as_others_do(bench: Bench, tmp_path: Path) -> None:
    label(bench, range(20), only="arts")
    with pytest.raises(BadRecord, match="nothing_to_learn: the snapshot's training side has no example"):
        done(bench, tmp_path / "job")


def test_steps_are_told_and_timed(bench: Bench, tmp_path: Path) -> None:
    label(bench, range(45))
    told: list[Progress] = []
    trained = done(bench, tmp_path / "job", told=told)
    assert list(dict.fromkeys(one.phase for one in told)) == ["snapshot", "heads", "saving"]
    assert max(one.step for one in told) == 45
    seconds = trained.model.facts["seconds"]
    assert isinstance(seconds, dict)
    assert set(seconds) == {"snapshot", "heads", "saving"}
    assert (tmp_path / "job" / SECONDS).exists()


def test_a_stop_is_heard_while_heads_are_fitted(bench: Bench, tmp_path: Path) -> None:
    label(bench, range(45))
    bench.ask(recipe="head")
    phases: list[str] = []
    with pytest.raises(RunStopped):
        train(
            bench.job(),
            tmp_path / "job",
            bench.work,
            lambda progress: phases.append(progress.phase),
            lambda: "heads" in phases,
        )
    assert not (tmp_path / "job" / "heads").exists()


def test_fields_of_the_recipe_reach_the_heads(bench: Bench, tmp_path: Path) -> None:
    label(bench, range(45))
    bench.ask("job-2", recipe="head", overrides={"inverse_penalty": 0.01})
    strict = done(bench, tmp_path / "job-2", "job-2").model
    assert strict.version != done(bench, tmp_path / "job").model.version
    assert strict.recipe_sha256 == recipe_sha256(resolved("head", {"inverse_penalty": 0.01}))


def test_a_worker_does_it_from_the_queue_to_the_registry(bench: Bench) -> None:
    label(bench, range(45))
    bench.ask(recipe="head")
    assert Trainer(bench.work, "worker").look()
    assert bench.job().reason == ""
    [model] = bench.registry.models.list()
    assert bench.job().model_version == model.version
    assert isinstance(bench.trained()[0], ModelTrained)


def test_the_same_labels_again_make_no_other_model_and_say_so(bench: Bench, tmp_path: Path) -> None:
    label(bench, range(45))
    first = done(bench, tmp_path / "job").model
    bench.registry.models.register(first)
    released(bench, first)
    with pytest.raises(Misconfigured, match=f"make {first.version} again"):
        done(bench, tmp_path / "job-2", "job-2")


def test_while_the_media_store_is_away_the_job_waits(bench: Bench, tmp_path: Path) -> None:
    label(bench, range(45))
    (tmp_path / "artifacts").rename(tmp_path / "away")
    with pytest.raises(Unavailable):
        done(bench, tmp_path / "job")
