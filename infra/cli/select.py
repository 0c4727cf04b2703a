"""`millrace select`: what is asked about next, and why an item was or was not chosen."""

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from infra.settings import Settings, load_settings
from streams.errors import Misconfigured

if TYPE_CHECKING:  # the database library is loaded by the commands that need it
    from sqlalchemy import Engine

    from annotation.selection.config import StrategyName
    from annotation.selection.pool import TaskPool

app = typer.Typer(help="What annotators are asked about next, and why.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Task = Annotated[str | None, typer.Option(help="Only this task.")]
Tenant = Annotated[str, typer.Option(help="Whose item it is.")]


@app.command("status")
def show_standing(task: Task = None, as_json: AsJson = False) -> None:
    """Show for each task the strategy in force, the pool, open requests and what is left of the budget."""
    from annotation.selection.explanation import standing

    settings = load_settings()
    engine = _engine(settings)
    shown = [
        standing(engine, pool, settings.selection, _strategy(settings, engine, pool), time.time())
        for pool in _pools(settings, engine, task)
    ]
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in shown], indent=2))
        return
    for one in shown:
        typer.echo(
            f"{one.tenant}/{one.task}: {one.strategy}{f' ({one.fallback})' if one.fallback else ''}, "
            f"{one.candidates} candidates ({one.reserve} kept for the random arm), {one.asked} asked "
            f"({one.asked_at_random} at random), {one.open} open, {one.budget_left} left in this period"
        )


@app.command("explain")
def explain_item(item: str, task: Task = None, tenant: Tenant = "default", as_json: AsJson = False) -> None:
    """Say why an item was or was not asked about."""
    from annotation.selection.explanation import explain

    settings = load_settings()
    engine = _engine(settings)
    pools = [pool for pool in _pools(settings, engine, task) if pool.tenant == tenant]
    found = [
        explain(engine, pool, settings.selection, _strategy(settings, engine, pool)[0], item, time.time())
        for pool in pools
    ]
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=2))
        return
    for one in found:
        typer.echo(f"{one.task}: {one.outcome.replace('_', ' ')}")
        for reason in one.because:
            typer.echo(f"  {reason}")
        if one.scores:
            typer.echo(f"  scores: {json.dumps(one.scores)}")


def _engine(settings: Settings) -> "Engine":
    from infra.migrations.run import open_migrated

    return open_migrated(settings.metadata.resolved(settings.data_dir))


def _pools(settings: Settings, engine: "Engine", task: str | None) -> "list[TaskPool]":
    from annotation.selection.explanation import pools_of

    tasks = [one for one in settings.labelling.tasks if task in (None, one.name)]
    if not tasks:
        known = ", ".join(one.name for one in settings.labelling.tasks) or "none; see labelling.tasks"
        raise Misconfigured(f"there is no task {task}; there are {known}" if task else "labelling.tasks is empty")
    return pools_of(engine, tasks, settings.selection)


def _strategy(settings: Settings, engine: "Engine", pool: "TaskPool") -> "tuple[StrategyName, str]":
    from annotation.selection.rounds import behind_of, strategy_in_force
    from models.labels.accounts import Verdicts

    behind = behind_of(Verdicts(engine), pool.tenant, pool.task, pool.model_version or "")
    return strategy_in_force(settings.selection.strategy, behind)
