import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from infra.cli.models import models_app
from infra.migrations.run import open_migrated
from models.metadata.config import MetadataConfig
from models.registry.records import RolloutState
from models.registry.registry import Registry
from schemas.training import Metric, ModelEvaluated, ReleaseKind
from streams.errors import MillraceError, Misconfigured
from tests.contract.registry import SHA, model, rollout


@pytest.fixture
def registry(data_dir: Path) -> Iterator[Registry]:
    """Two models: m-1 serves as generation 1, m-2 was refused."""
    engine = open_migrated(MetadataConfig().resolved(data_dir))
    registry = Registry(engine)
    registry.models.register(model("m-1", facts={"seed": 7}, created_at_ms=1_790_000_000_000))
    registry.models.register(model("m-2", parent_version="m-1", created_at_ms=1_790_000_001_000))
    judged(registry, "m-1", 0.6, passed=True)
    judged(registry, "m-2", 0.5, passed=False)
    registry.rollouts.begin(rollout(1))
    registry.rollouts.switch(replace(rollout(1), state=RolloutState.DONE), 0, ReleaseKind.RELEASE, "better", "gate")
    yield registry
    engine.dispose()


def judged(registry: Registry, version: str, recall: float, passed: bool, snapshot: str = SHA) -> None:
    metric = Metric(name="recall", candidate=recall, live=0.4, low=0.05, high=0.15)
    registry.evaluations.ask(f"e-{version}-{snapshot[:2]}", version, "{}")
    verdict = ModelEvaluated(
        model_version=version,
        live_version="m-0",
        metrics=(metric,),
        passed=passed,
        reasons=("because",),
        seed=1,
        items=60,
        snapshot_sha256=snapshot,
    )
    registry.evaluations.finish(f"e-{version}-{snapshot[:2]}", verdict)


def run(*words: str) -> Result:
    return CliRunner().invoke(models_app, words, catch_exceptions=False)


def told(*words: str) -> Any:
    return json.loads(run(*words, "--json").stdout)


def test_the_list_has_the_newest_first_and_says_what_serves(registry: Registry) -> None:
    shown = run("list")
    assert shown.stdout.index("m-2") < shown.stdout.index("passed")
    assert "generation 1 serves: m-1" in shown.stderr


def test_the_list_as_json_has_generations_and_the_gates_word(registry: Registry) -> None:
    found = told("list")
    assert [(one["version"], one["generations"], one["passed"]) for one in found["models"]] == [
        ("m-2", [], False),
        ("m-1", [1], True),
    ]
    assert found["live"]["model_version"] == "m-1"


def test_a_model_is_shown_with_all_that_is_known_of_it(registry: Registry) -> None:
    said = run("show", "m-1").stdout
    for known in (f"sha256 {SHA}", "seed 7", "generation 1", "release by gate: better", "+0.050 to +0.150", "because"):
        assert known in said


def test_a_model_as_json_has_its_evaluation_with_intervals(registry: Registry) -> None:
    found = told("show", "m-2")
    assert (found["parent_version"], found["artifacts"][0]["sha256"], found["generations"]) == ("m-1", SHA, [])
    assert (found["evaluation"]["metrics"][0]["low"], found["evaluation"]["passed"]) == (0.05, False)


def test_what_serves_can_be_asked_for_by_that(registry: Registry) -> None:
    assert told("show", "live")["version"] == "m-1"


def test_a_model_that_was_not_evaluated_says_so(registry: Registry) -> None:
    registry.models.register(model("m-3"))
    assert "not evaluated yet" in run("show", "m-3").stdout


def test_two_models_stand_side_by_side(registry: Registry) -> None:
    said = run("compare", "m-1", "m-2").stdout
    [row] = [line for line in said.splitlines() if "recall, all" in line]
    assert row.index("0.600 (+0.050 to +0.150)") < row.index("0.500 (+0.050 to +0.150)")


def test_two_models_as_json_have_each_metric_of_both(registry: Registry) -> None:
    found = told("compare", "m-1", "m-2")
    [row] = found["metrics"]
    assert (row["name"], [one["candidate"] for one in row["models"]], found["warning"]) == ("recall", [0.6, 0.5], "")


def test_numbers_from_different_evaluation_sets_come_with_a_warning(registry: Registry) -> None:
    registry.models.register(model("m-3"))
    judged(registry, "m-3", 0.7, passed=True, snapshot="cd" * 32)
    assert "different evaluation sets" in run("compare", "m-1", "m-3").stderr


def test_a_model_without_an_evaluation_has_no_numbers_beside_the_others(registry: Registry) -> None:
    registry.models.register(model("m-3"))
    found = told("compare", "m-1", "m-3")
    assert found["metrics"][0]["models"][1] is None
    assert found["warning"] == "not both of them were evaluated"


def test_an_alias_stands_for_a_model_until_it_moves_on(registry: Registry) -> None:
    run("alias", "champion", "m-1")
    assert told("show", "champion")["aliases"] == ["champion"]
    run("alias", "champion", "m-2")
    assert told("show", "champion")["version"] == "m-2"


def test_a_dry_run_sets_no_alias(registry: Registry) -> None:
    assert "would stand for m-1" in run("alias", "champion", "m-1", "--dry-run").stdout
    assert registry.generations.aliases() == []


@pytest.mark.parametrize("name", ["live", "m-2"])
def test_a_name_that_is_taken_is_no_alias(registry: Registry, name: str) -> None:
    with pytest.raises(Misconfigured, match=name):
        run("alias", name, "m-1")


def test_an_unknown_model_is_refused_by_name(registry: Registry) -> None:
    with pytest.raises(MillraceError, match="there is no model m-9"):
        run("show", "m-9")


def test_before_the_first_release_nothing_trained_serves(data_dir: Path) -> None:
    open_migrated(MetadataConfig().resolved(data_dir)).dispose()
    assert "generation 0 serves" in run("list").stderr
    with pytest.raises(MillraceError, match="generation 0"):
        run("show", "live")


def test_where_nothing_has_run_there_is_nothing_to_list(data_dir: Path) -> None:
    with pytest.raises(MillraceError, match="nothing has run"):
        run("list")


def test_a_rollout_under_way_is_listed_with_what_it_waits_for(registry: Registry) -> None:
    under_way = replace(rollout(2), model_version="m-2", encoder_version="m-2", previous_version="m-1")
    assert registry.rollouts.begin(under_way)
    assert registry.rollouts.change(replace(under_way, state=RolloutState.CANARY, share=0.1))
    assert "rollout of m-2: canary, 0 of 100 searches were given to it, 10% of all" in run("list").stderr
    assert told("list")["rollout"]["state"] == "canary"


def test_the_encoder_of_the_settings_is_told_apart_from_a_model_that_never_was(registry: Registry) -> None:
    built_in = rollout(1).previous_version
    with pytest.raises(MillraceError, match=f"{built_in} is the encoder of the settings, which nobody trained here"):
        run("show", built_in)
