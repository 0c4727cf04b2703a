"""`millrace models`: what was trained, from what, how good it is, and which of it serves."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic_core import to_json
from rich.console import Console
from rich.table import Column, Table

from infra.cli.naming import LIVE, model_named
from infra.cli.times import moment
from infra.cli.under_way import under_way
from infra.cli.where import opened_registry
from infra.settings import load_settings
from streams.errors import MillraceError, Misconfigured

if TYPE_CHECKING:  # the database is loaded by the commands that need it
    from models.registry.records import Generation, Model
    from schemas.training import Metric, ModelEvaluated

models_app = typer.Typer(help="Trained models: made from what, how good, and which of them serves.")

Version = Annotated[str, typer.Argument(help="Version or alias of a model; `live` is what serves.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
HISTORY = 10_000
"""Generations that are looked through."""


@models_app.command("list")
def list_models(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most this many.")] = 50, as_json: AsJson = False
) -> None:
    """List models, newest first, and say which one serves."""
    settings = load_settings()
    registry = opened_registry(settings)
    models, history = registry.models.list(limit), registry.generations.history(HISTORY)
    shown = [(model, _served(model, history), registry.evaluations.latest(model.version)) for model in models]
    if as_json:
        rows = [_plain(model) | {"generations": served, "passed": _passed(said)} for model, served, said in shown]
        rollout = registry.rollouts.current()
        live, on_its_way = asdict(history[0]) if history else None, asdict(rollout) if rollout else None
        _print({"live": live, "rollout": on_its_way, "models": rows})
        return
    version = Column("version", no_wrap=True)  # what is copied must be whole, however narrow the terminal is
    table = Table(version, "kind", "recipe", "made", "parent", "gate", "served as")
    for model, served, said in shown:
        numbers = ", ".join(str(number) for number in served[-5:])
        kind, made = model.kind.value, moment(model.created_at_ms)
        table.add_row(model.version, kind, model.recipe, made, model.parent_version or "-", _gate(said), numbers or "-")
    _console().print(table)
    for line in under_way(registry, settings):
        typer.echo(line, err=True)


@models_app.command("show")
def show_model(version: Version, as_json: AsJson = False) -> None:
    """Show a model: files, recipe, data, parent, the generations it served in, and its last evaluation."""
    registry = opened_registry(load_settings())
    model = model_named(registry, version)
    served, said = registry.generations.of_model(model.version), registry.evaluations.latest(model.version)
    names = [alias.name for alias in registry.generations.aliases() if alias.version == model.version]
    if as_json:
        evaluation = None if said is None else said.model_dump(mode="json")
        generations = [asdict(generation) for generation in served]
        _print(_plain(model) | {"aliases": names, "generations": generations, "evaluation": evaluation})
        return
    for name, value in _words(model, names):
        typer.echo(f"{name:<10} {value}")
    for artifact in model.artifacts:
        typer.echo(f"{'file':<10} {artifact.path}, {artifact.length} bytes, sha256 {artifact.sha256}")
    for generation in served:
        typer.echo(f"{'served':<10} {_generation(generation)}")
    _show_evaluation(said)


@models_app.command("compare")
def compare_models(first: Version, second: Version, as_json: AsJson = False) -> None:
    """Put two models side by side: what they are made from, and what each evaluation measured."""
    registry = opened_registry(load_settings())
    pair = [model_named(registry, name) for name in (first, second)]
    said = [registry.evaluations.latest(model.version) for model in pair]
    measured = [{(one.name, one.slice): one for one in verdict.metrics} if verdict else {} for verdict in said]
    keys = list(dict.fromkeys(key for metrics in measured for key in metrics))
    warning = _incomparable(said)
    if as_json:
        rows = [
            {"name": name, "slice": part, "models": [_metric_plain(metrics.get((name, part))) for metrics in measured]}
            for name, part in keys
        ]
        _print({"models": [_plain(model) for model in pair], "metrics": rows, "warning": warning})
        return
    table = Table("", *(model.version for model in pair))
    for (name, one), (_, other) in zip(_words(pair[0]), _words(pair[1]), strict=True):
        if name != "version":
            table.add_row(name, one, other)
    for name, part in keys:
        table.add_row(f"{name}, {part}", *(_measured(metrics.get((name, part))) for metrics in measured))
    _console().print(table)
    typer.echo("in brackets: the difference to the model that served then, 95%", err=True)
    if warning:
        typer.echo(warning, err=True)


@models_app.command("alias")
def set_alias(
    name: Annotated[str, typer.Argument(help="Such as `champion`.")],
    version: Version,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")] = False,
) -> None:
    """Give a model a name that can move on to another one. It changes nothing about what serves."""
    registry = opened_registry(load_settings())
    if name == LIVE or registry.models.get(name) is not None:
        raise Misconfigured(f"{name} already names what serves or a version; choose another alias")
    model, known = model_named(registry, version), registry.generations.alias(name)
    if not dry_run and not registry.generations.set_alias(name, model.version, known.revision if known else 0):
        raise MillraceError(f"somebody else has just moved {name}; look at it and try again")
    typer.echo(f"{name} {'would stand' if dry_run else 'stands'} for {model.version}")


def _words(model: "Model", aliases: list[str] | None = None) -> list[tuple[str, str]]:
    facts = ", ".join(f"{name} {value}" for name, value in sorted(model.facts.items()))
    return [
        ("version", model.version + (f" ({', '.join(aliases)})" if aliases else "")),
        ("kind", f"{model.kind.value} in the space {model.encoder_version}"),
        ("made", f"{moment(model.created_at_ms)} in {model.seconds:.1f} s by job {model.job_id or '-'}"),
        ("parent", model.parent_version or "-"),
        ("recipe", f"{model.recipe} {model.recipe_sha256}"),
        ("snapshot", model.snapshot_sha256 or "-"),
        ("facts", facts or "-"),
    ]


def _show_evaluation(said: "ModelEvaluated | None") -> None:
    if said is None:
        typer.echo(f"{'gate':<10} not evaluated yet")
        return
    typer.echo(f"{'gate':<10} {_gate(said)}, against {said.live_version} over {said.items} items")
    for reason in said.reasons:
        typer.echo(f"{'':<10} {reason}")
    table = Table("measure", "slice", "candidate", "live", "difference, 95%")
    for metric in said.metrics:
        live = "-" if metric.live is None else f"{metric.live:.3f}"
        table.add_row(metric.name, metric.slice, f"{metric.candidate:.3f}", live, _interval(metric))
    _console().print(table)


def _incomparable(said: "list[ModelEvaluated | None]") -> str:
    """Why the numbers must not be compared; empty if they may."""
    one, other = said
    if one is None or other is None:
        return "not both of them were evaluated"
    if one.snapshot_sha256 != other.snapshot_sha256:
        return "they were measured on different evaluation sets: compare their differences, not their values"
    return ""


def _measured(metric: "Metric | None") -> str:
    if metric is None:
        return "-"
    return f"{metric.candidate:.3f}" + (f" ({_interval(metric)})" if metric.low is not None else "")


def _interval(metric: "Metric") -> str:
    return "-" if metric.low is None or metric.high is None else f"{metric.low:+.3f} to {metric.high:+.3f}"


def _metric_plain(metric: "Metric | None") -> dict[str, Any] | None:
    return None if metric is None else metric.model_dump(mode="json", exclude={"name", "slice"})


def _plain(model: "Model") -> dict[str, Any]:
    return asdict(model) | {"artifacts": [artifact.model_dump() for artifact in model.artifacts]}


def _served(model: "Model", history: "list[Generation]") -> list[int]:
    return sorted(generation.number for generation in history if generation.model_version == model.version)


def _generation(generation: "Generation") -> str:
    why = f": {generation.reason}" if generation.reason else ""
    said = f"{generation.kind.value} by {generation.released_by or '-'}{why}"
    return f"generation {generation.number} from {moment(generation.at_ms)}, {said}"


def _passed(said: "ModelEvaluated | None") -> bool | None:
    return None if said is None else said.passed


def _gate(said: "ModelEvaluated | None") -> str:
    if said is None:
        return "-"
    if not said.passed:
        return "refused"
    return "passed, waits for approval" if said.needs_approval else "passed"


def _print(content: Any) -> None:
    typer.echo(to_json(content, indent=2, inf_nan_mode="null"))


def _console() -> Console:
    return Console(width=None if Console().is_terminal else 160)
