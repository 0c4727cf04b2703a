import json
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest
import typer
from typer.testing import CliRunner, Result

from infra.cli import main as entry
from infra.cli import train as command
from infra.migrations.run import open_migrated
from infra.settings import Settings
from models.metadata.config import MetadataConfig
from models.registry.records import JobState, Lease, Model, ModelKind, Progress
from models.registry.registry import Registry
from schemas.training import TrainingRequested
from streams.errors import MillraceError, Misconfigured, Unavailable
from tests.contract.registry import request, rollout

Publish = Callable[[Settings, TrainingRequested], None]

app = typer.Typer()
app.add_typer(command.app, name="train")


@pytest.fixture
def registry(data_dir: Path) -> Iterator[Registry]:
    """Its registry."""
    engine = open_migrated(MetadataConfig().resolved(data_dir))
    yield Registry(engine)
    engine.dispose()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[TrainingRequested]:
    """What reaches the topic; nobody reads it."""
    facts: list[TrainingRequested] = []
    to_topic(monkeypatch, lambda _, fact: facts.append(fact))
    return facts


def to_topic(monkeypatch: pytest.MonkeyPatch, publish: Publish) -> None:
    monkeypatch.setattr(command, "_publish", publish)


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["train", *words], catch_exceptions=False)


def told(*words: str) -> object:
    """What is printed as JSON, by the letter of the standard."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(run(*words, "--json").stdout, parse_constant=refuse)


def claimed(registry: Registry, job_id: str, **fields: object) -> Lease:
    registry.jobs.submit(request(job_id, **fields))
    lease = registry.jobs.claim("w", 60)
    assert lease is not None
    return lease


def finish(registry: Registry, lease: Lease) -> None:
    registry.jobs.finish(lease, Model("model-1", ModelKind.ENCODER, "model-1"))


def test_where_nothing_has_run_it_says_how_to_start_and_makes_nothing(data_dir: Path) -> None:
    with pytest.raises(MillraceError, match="millrace up"):
        run("list")
    assert list(data_dir.iterdir()) == []


class TestAsking:
    def test_a_dry_run_prints_the_whole_recipe_and_asks_for_nothing(
        self, data_dir: Path, asked: list[TrainingRequested]
    ) -> None:
        (data_dir / "fields.yaml").write_text("steps: 9\nlora: {rank: 4}")
        words = ("--recipe", "smoke", "--overrides", "fields.yaml", "--with", "lora.rank=8", "--dry-run")
        recipe = json.loads(run(*words).stdout)
        assert (recipe["steps"], recipe["lora"]["rank"], recipe["batch"]) == (9, 8, 8)
        assert asked == []
        assert [file.name for file in data_dir.iterdir()] == ["fields.yaml"]

    @pytest.mark.parametrize(
        ("words", "named"),
        [
            (("--with", "stepz=3"), "stepz"),
            (("--with", "lora.rang=3"), "lora.rang"),
            (("--with", "steps=none"), "steps"),
            (("--recipe", "no-such"), "no-such"),
            (("--overrides", "missing.yaml"), "missing.yaml"),
        ],
    )
    def test_what_is_wrong_is_refused_by_name_with_exit_code_2(
        self,
        data_dir: Path,
        asked: list[TrainingRequested],
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        words: tuple[str, ...],
        named: str,
    ) -> None:
        monkeypatch.setattr(sys, "argv", ["millrace", "--data-dir", str(data_dir), "train", *words])
        monkeypatch.setattr(entry, "set_up_logs", lambda: None)
        with pytest.raises(SystemExit) as left:
            entry.main()
        assert left.value.code == 2
        assert named in capsys.readouterr().err
        assert asked == []

    def test_what_is_asked_for_reaches_the_topic(self, registry: Registry, asked: list[TrainingRequested]) -> None:
        said = run("--recipe", "smoke", "--with", "steps=3", "--notes", "try it", "--priority", "7").stdout
        [fact] = asked
        assert said == f"{fact.job_id}: asked for\n"
        assert (fact.cause, fact.recipe, fact.overrides, fact.notes, fact.priority) == (
            "manual",
            "smoke",
            {"steps": 3},
            "try it",
            7,
        )

    def test_a_request_can_be_asked_for_as_json(self, registry: Registry, asked: list[TrainingRequested]) -> None:
        assert told() == {"job_id": asked[0].job_id, "state": "queued"}

    def test_without_a_broker_it_says_how_to_start_one(self, registry: Registry) -> None:
        with pytest.raises(Unavailable, match="millrace up"):
            run()


class TestWaiting:
    @pytest.fixture(autouse=True)
    def impatient(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(command, "POLL_S", 0.01)
        monkeypatch.setattr(command, "UNSEEN_S", 0.05)

    def test_when_nobody_takes_note_it_fails_and_says_where_to_look(
        self, registry: Registry, asked: list[TrainingRequested]
    ) -> None:
        with pytest.raises(MillraceError, match=r"nobody took note of the request.*millrace status"):
            run("--wait")
        assert len(asked) == 1

    def test_it_follows_the_job_to_its_model(self, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
        to_topic(monkeypatch, lambda _, fact: finish(registry, claimed(registry, fact.job_id)))
        assert run("--wait").stdout.endswith(": succeeded, model-1\n")

    def test_a_job_that_fails_is_an_error_with_its_reason(
        self, registry: Registry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        to_topic(monkeypatch, lambda _, fact: registry.jobs.fail(claimed(registry, fact.job_id), "no labels"))
        with pytest.raises(MillraceError, match="no model came out: no labels"):
            run("--wait")

    def test_a_job_that_is_called_off_is_an_error(self, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
        def called_off(_: Settings, fact: TrainingRequested) -> None:
            registry.jobs.submit(fact)
            registry.jobs.cancel(fact.job_id)

        to_topic(monkeypatch, called_off)
        with pytest.raises(MillraceError, match="no model came out: cancelled"):
            run("--wait")


class TestLooking:
    def test_jobs_are_listed_with_what_became_of_them(self, registry: Registry) -> None:
        finish(registry, claimed(registry, "good"))
        registry.evaluations.ask("e-1", "model-1", "{}")
        registry.evaluations.fail("e-1", "its files are damaged")
        registry.jobs.fail(claimed(registry, "bad"), "no labels")
        registry.jobs.progress(claimed(registry, "ugly"), Progress("training", 3, 10, 0.5, 7.0), 60)
        registry.jobs.submit(request("new"))
        assert set(run("list").stdout.splitlines()) == {
            "good: succeeded, model-1",
            "bad: failed, no labels",
            "ugly: training, step 3 of 10, loss 0.500",
            "new: queued, waits for job ugly, which is being trained",
        }
        assert len(told("list", "--limit", "2")) == 2  # type: ignore[arg-type]

    def test_a_job_is_shown_with_who_asked_for_what(self, registry: Registry) -> None:
        registry.jobs.submit(request("job-1", cause="labels", detail="9 new", overrides={"steps": 3}, notes="why"))
        first, *others = run("show", "job-1").stdout.splitlines()
        assert first.startswith("job-1: queued, waits for a trainer")
        assert others[:2] == ["  asked by labels: 9 new", '  recipe default {"steps": 3}']
        assert others[2].startswith("  asked 20")
        assert others[3:] == ["  notes: why"]

    def test_a_job_says_what_it_waits_for_in_words_and_as_json(self, registry: Registry) -> None:
        registry.rollouts.begin(rollout())
        registry.jobs.submit(request("job-1"))
        words = "the rollout of m-1 (preparing)"
        assert run("list").stdout == f"job-1: queued, waits for {words}\n"
        [listed] = cast(list[dict[str, object]], told("list"))
        assert listed["waits_for"] == words

    def test_steps_are_counted_where_there_are_any(self, registry: Registry) -> None:
        registry.jobs.progress(claimed(registry, "job-1"), Progress("data"), 60)
        assert run("list").stdout == "job-1: data\n"

    def test_where_nobody_asked_it_says_how_to_ask(self, registry: Registry) -> None:
        assert "`millrace train`" in run("list").stderr

    def test_as_json_a_job_says_nothing_of_its_lease_and_is_json_whatever_its_loss(self, registry: Registry) -> None:
        registry.jobs.progress(claimed(registry, "job-1"), Progress("training", 3, 10, math.nan), 60)
        shown = told("show", "job-1")
        assert isinstance(shown, dict)
        assert (shown["state"], shown["progress"]["loss"]) == ("running", None)
        assert not {"token", "owner", "lease_until_ms"} & shown.keys()
        assert told("list") == [shown]
        assert "loss" not in run("show", "job-1").stdout

    def test_a_job_that_is_not_there_is_refused(self, registry: Registry) -> None:
        with pytest.raises(Misconfigured, match="no job nothing; `millrace train list`"):
            run("show", "nothing")

    def test_recipes_are_listed_with_what_they_do(self) -> None:
        lines = run("recipes").stdout.splitlines()
        assert [line.partition(":")[0] for line in lines] == ["default", "head", "smoke", "text-lora"]
        assert all(line.endswith((".", "…")) for line in lines)


class TestCancelling:
    def test_a_job_that_waits_is_called_off_at_once(self, registry: Registry) -> None:
        registry.jobs.submit(request("job-1"))
        assert run("cancel", "job-1").stdout == "job-1: called off\n"
        job = registry.jobs.get("job-1")
        assert job is not None
        assert job.state is JobState.CANCELLED

    def test_the_worker_of_a_running_job_is_asked_to_stop(self, registry: Registry) -> None:
        claimed(registry, "job-1")
        assert run("cancel", "job-1").stdout.startswith("job-1: called off; it ends as soon as")
        assert run("list").stdout == "job-1: snapshot, is being called off\n"
        job = registry.jobs.get("job-1")
        assert job is not None
        assert (job.state, job.cancel_asked) == (JobState.RUNNING, True)

    def test_what_has_ended_cannot_be_called_off(self, registry: Registry) -> None:
        finish(registry, claimed(registry, "job-1"))
        with pytest.raises(MillraceError, match="job-1 has ended already: succeeded"):
            run("cancel", "job-1")

    def test_what_never_was_cannot_be_called_off(self, registry: Registry) -> None:
        with pytest.raises(Misconfigured, match="no job never; `millrace train list`"):
            run("cancel", "never")
