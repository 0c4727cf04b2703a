"""`millrace train`: ask for a new model, follow it, call it off."""

import json
import math
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

import typer

from infra.cli.progress import shown_state
from infra.cli.times import moment
from infra.cli.under_way import job_in_words, job_waits
from infra.cli.where import opened_registry, reachable_kafka
from infra.settings import Settings, load_settings
from schemas.training import TrainingRequested, TriggerCause
from streams.codec import encode
from streams.errors import MillraceError, Misconfigured
from streams.topics import TRAINING_REQUESTED

if TYPE_CHECKING:  # the database library is loaded by the commands that need it
    from models.registry.records import Job
    from models.registry.registry import Registry

app = typer.Typer(help="Ask for a new model, follow it, call it off.", invoke_without_command=True)

POLL_S = 0.5
FLUSH_S = 15.0
UNSEEN_S = 30.0
"""A job that nobody has taken note of by then: no training process reads the topic."""

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
JobId = Annotated[str, typer.Argument(help="As `millrace train list` shows it.")]


@app.callback()
def train(
    context: typer.Context,
    recipe: Annotated[str, typer.Option(help="How to train; see `millrace train recipes`.")] = "default",
    with_: Annotated[
        list[str] | None, typer.Option("--with", metavar="FIELD=VALUE", help="A field of the recipe; may be repeated.")
    ] = None,
    overrides: Annotated[Path | None, typer.Option(help="Fields of the recipe, in a YAML file.")] = None,
    notes: Annotated[str, typer.Option(help="What you want to remember.")] = "",
    priority: Annotated[int, typer.Option(min=0, help="Higher runs first.")] = 0,
    wait: Annotated[bool, typer.Option(help="Follow the run to its end.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Only check and print the recipe.")] = False,
    as_json: AsJson = False,
) -> None:
    """Ask for a new model: it is trained on a snapshot of now, judged by the gate, and released if it is better."""
    if context.invoked_subcommand is not None:
        return
    from trainers.recipes.overrides import merged, overrides_from_words, overrides_from_yaml, resolved

    fields = overrides_from_yaml(_read(overrides)) if overrides else {}
    fields = merged(fields, overrides_from_words(with_ or []))
    whole = resolved(recipe, fields)
    if dry_run:
        typer.echo(whole.model_dump_json(indent=2))
        return
    settings = load_settings()
    job_id = str(uuid4())
    _publish(
        settings,
        TrainingRequested(
            job_id=job_id,
            cause=TriggerCause.MANUAL.value,
            detail="asked for on the command line",
            recipe=recipe,
            overrides=fields,
            notes=notes,
            priority=priority,
        ),
    )
    job = _followed(settings, job_id) if wait else None
    if as_json:
        typer.echo(json.dumps(_shown(job, {}) if job else {"job_id": job_id, "state": "queued"}, indent=2))
    else:
        typer.echo(job_in_words(job, {}) if job else f"{job_id}: asked for")
    if job is not None and job.model_version is None:
        raise MillraceError(f"no model came out: {job.reason or job.state.value}")


@app.command("list")
def list_jobs(limit: Annotated[int, typer.Option(min=1, max=1000)] = 20, as_json: AsJson = False) -> None:
    """Show the latest jobs."""
    registry = opened_registry(load_settings())
    jobs, waits = registry.jobs.list(limit), job_waits(registry)
    if as_json:
        typer.echo(json.dumps([_shown(job, waits) for job in jobs], indent=2))
        return
    for job in jobs:
        typer.echo(job_in_words(job, waits))
    if not jobs:
        typer.echo("nobody has asked for training yet; `millrace train` does", err=True)


@app.command("show")
def show_job(job_id: JobId, as_json: AsJson = False) -> None:
    """Show a job: who asked, how far it is, what came out."""
    registry = opened_registry(load_settings())
    job, waits = _found(registry, job_id), job_waits(registry)
    if as_json:
        typer.echo(json.dumps(_shown(job, waits), indent=2))
        return
    typer.echo(job_in_words(job, waits))
    typer.echo(f"  asked by {job.cause}: {job.detail}")
    typer.echo(f"  recipe {job.recipe} {json.dumps(dict(job.overrides)) if job.overrides else ''}".rstrip())
    typer.echo(f"  {_times(job)}")
    if job.notes:
        typer.echo(f"  notes: {job.notes}")


@app.command("cancel")
def cancel_job(job_id: JobId) -> None:
    """Call a job off: at once while it waits, else as soon as whoever works on it hears of it."""
    registry = opened_registry(load_settings())
    called_off, job = registry.jobs.cancel(job_id), _found(registry, job_id)
    if not called_off:
        raise MillraceError(f"{job_id} has ended already: {job.state.value}")
    ends = "" if job.state.ended else "; it ends as soon as whoever works on it hears of it"
    typer.echo(f"{job_id}: called off{ends}")


@app.command("recipes")
def list_recipes() -> None:
    """Show the recipes that there are."""
    from trainers.recipes.catalogue import RECIPES

    for name, recipe in sorted(RECIPES.items()):
        typer.echo(f"{name}: {(recipe.__doc__ or '').strip().splitlines()[0]}")


def _publish(settings: Settings, fact: TrainingRequested) -> None:
    from streams.kafka.producer import KafkaProducer
    from streams.kafka.topic_admin import TopicAdmin

    kafka = reachable_kafka(settings)
    topic = TRAINING_REQUESTED.full_name(kafka.prefix)
    if not TopicAdmin(kafka).present([topic], []):
        raise Misconfigured(f"there is no topic {topic}: run `millrace topics apply`")
    producer = KafkaProducer(kafka)
    try:
        producer.send(topic, encode(fact, "millrace/cli"))
        producer.flush(FLUSH_S)
    finally:
        producer.close()


def _followed(settings: Settings, job_id: str) -> "Job":
    """The job as it ended; says on standard error how far it is until then."""
    registry, began = opened_registry(settings), time.monotonic()
    with shown_state() as show:
        while True:
            job = registry.jobs.get(job_id)
            if job is None and time.monotonic() - began > UNSEEN_S:
                raise MillraceError(f"nobody took note of the request within {UNSEEN_S:.0f} s; see `millrace status`")
            if job is not None and job.state.ended:
                return job
            if job is not None:
                waits = job_waits(registry)
                show(job_in_words(job, waits), f"{job.progress.phase}, {waits.get(job_id)}")
            time.sleep(POLL_S)


def _found(registry: "Registry", job_id: str) -> "Job":
    job = registry.jobs.get(job_id)
    if job is None:
        raise Misconfigured(f"there is no job {job_id}; `millrace train list` shows what there is")
    return job


def _times(job: "Job") -> str:
    times = (("asked", job.submitted_at_ms), ("began", job.started_at_ms), ("ended", job.ended_at_ms))
    return ", ".join(f"{what} {moment(at_ms)}" for what, at_ms in times if at_ms is not None)


def _shown(job: "Job", waits: Mapping[str, str]) -> Mapping[str, Any]:
    hidden = ("token", "owner", "lease_until_ms", "traceparent")
    shown = {name: value for name, value in asdict(job).items() if name not in hidden}
    shown["waits_for"] = waits.get(job.job_id, "")
    if not math.isfinite(job.progress.loss):  # which JSON has no word for
        shown["progress"]["loss"] = None
    return shown


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{file} cannot be read: {error}") from error
