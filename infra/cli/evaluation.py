"""`millrace eval`: have a model judged against the one that serves, or show how it was judged."""

import json
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from infra.cli.naming import model_named
from infra.cli.where import opened_registry
from infra.settings import load_settings
from streams.errors import MillraceError, Unavailable

if TYPE_CHECKING:  # the database is loaded by the command that needs it
    from models.registry.records import Evaluation
    from models.registry.registry import Registry
    from schemas.training import Metric, ModelEvaluated

LOOK_EVERY_S = 0.5
LINE_EVERY_S = 10.0
LOOKED_AT = 1000
"""Evaluations, the latest ones, among which that of a model is looked for."""


def evaluate(
    version: Annotated[
        str, typer.Argument(help="A version or alias; without one the latest evaluation is shown.")
    ] = "",
    last: Annotated[bool, typer.Option("--last", help="Only show how it was judged last.")] = False,
    wait: Annotated[bool, typer.Option(help="Wait for the verdict.")] = True,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds to wait at most.")] = 1800.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")] = False,
) -> None:
    """Have the gate judge a model against the one that serves, on the items that never train."""
    registry = opened_registry(load_settings())
    version = model_named(registry, version).version if version else ""
    if not version or last:
        _show(_latest(registry, version), as_json)
        return
    evaluation_id, waits = _ask(registry, version, dry_run)
    if waits and wait:
        _show(_awaited(registry, evaluation_id, timeout), as_json)
    elif as_json:
        typer.echo(json.dumps({"evaluation_id": evaluation_id, "model": version, "dry_run": dry_run}, indent=2))
    else:
        typer.echo(f"{'would ask' if dry_run else 'asked'} for evaluation {evaluation_id} of {version}")


def _ask(registry: "Registry", version: str, dry_run: bool) -> tuple[str, bool]:
    """The evaluation's id, and whether it is under way now."""
    from trainers.evaluation.asking import ask_again

    evaluation_id, _ = ask_again(registry.evaluations, version, "cli", dry_run)
    return evaluation_id, not dry_run


def _awaited(registry: "Registry", evaluation_id: str, timeout_s: float) -> "Evaluation":
    """The evaluation once it has ended. Raises Unavailable if it does not in time."""
    deadline = time.monotonic() + timeout_s
    told = time.monotonic()
    while (found := registry.evaluations.get(evaluation_id)) is None or found.ended_at_ms is None:
        now = time.monotonic()
        if now > deadline:
            raise Unavailable(f"evaluation {evaluation_id} has not ended; it is done while `millrace up` runs")
        if now - told > LINE_EVERY_S:
            told = now
            typer.echo("waiting for the verdict", err=True)
        time.sleep(LOOK_EVERY_S)
    return found


def _latest(registry: "Registry", version: str) -> "Evaluation":
    ended = [one for one in registry.evaluations.list(LOOKED_AT) if one.ended_at_ms is not None]
    ours = [one for one in ended if version in ("", one.model_version)]
    if not ours:
        hint = f"{version} has not been evaluated yet; run `millrace eval {version}`"
        raise MillraceError(hint if version else "no model has been evaluated yet")
    return max(ours, key=lambda one: one.ended_at_ms or 0)


def _show(evaluation: "Evaluation", as_json: bool) -> None:
    """The verdict, or why there is none: then the command has failed."""
    if as_json:
        typer.echo(json.dumps(_plain(evaluation), indent=2))
    elif evaluation.verdict is not None:
        _print(evaluation.verdict)
    if evaluation.verdict is None:
        raise MillraceError(f"{evaluation.model_version} could not be evaluated: {evaluation.failure}")


def _print(verdict: "ModelEvaluated") -> None:
    said = "passed" if verdict.passed else "refused"
    said += ", waits for approval" if verdict.needs_approval else ""
    typer.echo(f"{verdict.model_version} against {verdict.live_version}, over {verdict.items} items: {said}")
    for reason in verdict.reasons:
        typer.echo(f"  {reason}")
    table = Table("measure", "slice", "candidate", "live", "difference, 95%")
    for metric in verdict.metrics:
        table.add_row(metric.name, metric.slice, _number(metric.candidate), _number(metric.live), _interval(metric))
    Console(width=None if Console().is_terminal else 120).print(table)
    for one in verdict.regressions[:5]:
        typer.echo(f"  worse on {one.item_id}: {one.metric} {one.live:.3f} -> {one.candidate:.3f}")


def _plain(evaluation: "Evaluation") -> dict[str, Any]:
    verdict = evaluation.verdict
    return {
        "evaluation_id": evaluation.evaluation_id,
        "model": evaluation.model_version,
        "asked_at_ms": evaluation.asked_at_ms,
        "ended_at_ms": evaluation.ended_at_ms,
        "failure": evaluation.failure,
        "verdict": None if verdict is None else verdict.model_dump(mode="json"),
    }


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _interval(metric: "Metric") -> str:
    return "-" if metric.low is None or metric.high is None else f"{metric.low:+.3f} to {metric.high:+.3f}"
