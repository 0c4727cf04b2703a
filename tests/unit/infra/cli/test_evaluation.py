import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from infra.cli.evaluation import evaluate
from infra.migrations.run import migrate
from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from models.registry.records import Model, ModelKind
from models.registry.registry import Registry
from schemas.training import Metric, ModelEvaluated, Regression
from streams.errors import MillraceError, Unavailable

VERDICT = ModelEvaluated(
    model_version="mill-2",
    live_version="mill-1",
    metrics=(Metric(name="reciprocal_rank", candidate=0.8, live=0.5, low=0.2, high=0.4),),
    passed=True,
    reasons=("better than the live model",),
    seed=1,
    items=60,
    regressions=(
        Regression(tenant="default", item_id="shoe", version=1, metric="reciprocal_rank", candidate=0.1, live=1.0),
    ),
)


@pytest.fixture
def registry(data_dir: Path) -> Iterator[Registry]:
    """The same with one registered model."""
    engine = open_engine(MetadataConfig().resolved(data_dir))
    migrate(engine)
    registry = Registry(engine)
    registry.models.register(Model("mill-2", ModelKind.ENCODER, "mill-2"))
    yield registry
    engine.dispose()


def run(*words: str) -> Result:
    app = typer.Typer()
    app.command()(evaluate)
    return CliRunner().invoke(app, words, catch_exceptions=False)


def judged(registry: Registry) -> None:
    registry.evaluations.ask(str(VERDICT.event_id), "mill-2", "{}")
    registry.evaluations.finish(str(VERDICT.event_id), VERDICT)


def test_before_anything_has_run_it_says_so(data_dir: Path) -> None:
    with pytest.raises(MillraceError, match="nothing has run"):
        run("mill-2")


def test_an_unknown_model_is_refused_by_name(registry: Registry) -> None:
    with pytest.raises(MillraceError, match="no model mill-7"):
        run("mill-7")


def test_asking_without_waiting_leaves_an_open_evaluation(registry: Registry) -> None:
    result = run("mill-2", "--no-wait")
    [waiting] = registry.evaluations.open()
    assert result.output == f"asked for evaluation {waiting.evaluation_id} of mill-2\n"


def test_a_model_is_asked_about_by_its_alias(registry: Registry) -> None:
    registry.generations.set_alias("champion", "mill-2")
    run("champion", "--no-wait")
    assert [one.model_version for one in registry.evaluations.open()] == ["mill-2"]


def test_asking_twice_asks_once(registry: Registry) -> None:
    assert run("mill-2", "--no-wait").output == run("mill-2", "--no-wait").output
    assert len(registry.evaluations.open()) == 1


def test_a_dry_run_asks_for_nothing(registry: Registry) -> None:
    assert "would ask" in run("mill-2", "--dry-run").output
    assert registry.evaluations.open() == []


def test_without_a_model_the_latest_verdict_is_shown(registry: Registry) -> None:
    judged(registry)
    shown = run().output
    assert "mill-2 against mill-1, over 60 items: passed" in shown
    assert "better than the live model" in shown
    assert "+0.200 to +0.400" in shown
    assert "worse on shoe" in shown


def test_as_json_everything_is_there(registry: Registry) -> None:
    judged(registry)
    shown = json.loads(run("mill-2", "--last", "--json").output)
    assert shown["verdict"]["metrics"][0] == {
        "name": "reciprocal_rank",
        "slice": "all",
        "candidate": 0.8,
        "live": 0.5,
        "low": 0.2,
        "high": 0.4,
    }


def test_a_model_that_was_never_judged_is_told_apart(registry: Registry) -> None:
    with pytest.raises(MillraceError, match="run `millrace eval mill-2`"):
        run("mill-2", "--last")


def test_a_failed_evaluation_fails_the_command_with_its_reason(registry: Registry) -> None:
    run("mill-2", "--no-wait")
    [waiting] = registry.evaluations.open()
    registry.evaluations.fail(waiting.evaluation_id, "the snapshot is gone")
    with pytest.raises(MillraceError, match="mill-2 could not be evaluated: the snapshot is gone"):
        run()


def test_waiting_ends_with_the_verdict(registry: Registry) -> None:
    run("mill-2", "--no-wait")
    [waiting] = registry.evaluations.open()
    later = threading.Timer(0.2, registry.evaluations.finish, (waiting.evaluation_id, VERDICT))
    later.start()
    assert "passed" in run("mill-2").output
    later.join()


def test_waiting_is_bounded(registry: Registry) -> None:
    with pytest.raises(Unavailable, match="millrace up"):
        run("mill-2", "--timeout", "1")
