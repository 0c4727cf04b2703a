"""`millrace labels`: how well people label, what their labels saved, gold answers, and labels taken elsewhere."""

import json
import sys
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic_core import from_json, to_json
from rich.console import Console
from rich.table import Table

from annotation.tasks import TaskConfig
from infra.cli.times import moment
from infra.cli.where import opened_metadata, reachable_kafka
from infra.settings import Settings, load_settings
from streams.errors import MillraceError, Misconfigured, Refusal

if TYPE_CHECKING:  # the database is loaded by the commands that need it
    from annotation.quality.gold import GoldAnswers
    from annotation.quality.report import TaskReport
    from models.labels.accounts import Account

app = typer.Typer(help="Annotators, agreement, labels saved, gold answers, and labels as a file.", no_args_is_help=True)
gold = typer.Typer(help="Items whose right answer is known: they measure people and train nothing.")
app.add_typer(gold, name="gold", no_args_is_help=True)

OneTask = Annotated[str, typer.Argument(help="Name of a task, as in labelling.tasks.")]
SomeTask = Annotated[str, typer.Option("--task", help="Only this task.")]
Items = Annotated[list[str], typer.Argument(help="Item ids.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")]


@app.command("report")
def report_command(task: SomeTask = "", as_json: AsJson = False) -> None:
    """Show how far annotators agree and how good each of them is."""
    from annotation.quality.report import task_report

    settings = load_settings()
    engine = opened_metadata(settings)
    reports = [task_report(engine, one, settings.quality) for one in _tasks(settings, task)]
    if as_json:
        typer.echo(json.dumps([_plain(report) for report in reports], indent=2))
        return
    for report in reports:
        _show(report)


@app.command("saved")
def saved_command(
    task: SomeTask = "",
    plot: Annotated[Path | None, typer.Option(help="Draw the newest account into this file (.png, .svg).")] = None,
    as_json: AsJson = False,
) -> None:
    """Show how many labels the selection saved against choosing at random, as last drawn up by the running loop."""
    from annotation.account.drawing_up import from_json as account_of
    from models.labels.accounts import Accounts

    settings = load_settings()
    names = {(one.tenant, one.name) for one in _tasks(settings, task)}
    kept = [one for one in Accounts(opened_metadata(settings)).latest() if (one.tenant, one.task) in names]
    drawn_up = [(one, account_of(one.content)) for one in kept]
    if plot is not None:
        _draw(plot, drawn_up)
    if as_json:
        rows = [_head(one) | {"words": account.in_words} | from_json(one.content) for one, account in drawn_up]
        typer.echo(json.dumps(rows, indent=2))
        return
    for one, account in drawn_up:
        counts = f"{account.labels_active} labels of the active arm, {account.labels_random} of the random one"
        typer.echo(f"{one.task} in the space of {one.model_version}, by {one.strategy}: {account.in_words}")
        typer.echo(f"  {counts}, drawn up {moment(one.at_ms)}")
    if not drawn_up:
        typer.echo("no account has been drawn up yet; the running loop does so as labels come")


@app.command("export")
def export_command(
    task: OneTask,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write; standard output if left out.")
    ] = None,
) -> None:
    """Write the settled labels of a task, one JSON object a line."""
    from models.labels.store import LabelStore

    settings = load_settings()
    [chosen] = _tasks(settings, task)
    labels = LabelStore(opened_metadata(settings)).labels(chosen.name, chosen.tenant)
    try:
        with output.open("wb") if output else nullcontext(sys.stdout.buffer) as file:
            for label in labels:
                file.write(to_json(label._asdict()) + b"\n")
    except OSError as error:
        raise MillraceError(f"{output} cannot be written: {error.strerror}") from error
    typer.echo(f"{len(labels)} labels of {task}", err=True)


@gold.command("list")
def list_gold(task: OneTask, as_json: AsJson = False) -> None:
    """List the items of a task whose right answer is known."""
    known = _gold(task).known()
    if as_json:
        rows = [{"item_id": one.item_id, "result": one.result, "pending": one.pending} for one in known]
        typer.echo(json.dumps(rows, indent=2))
        return
    for one in known:
        typer.echo(f"{one.item_id}\t{_value(one.result)}" + ("\tnot measured yet" if one.pending else ""))
    typer.echo(f"{len(known)} gold items of {task}", err=True)


@gold.command("add")
def add_gold(
    task: OneTask,
    items: Items,
    labels: Annotated[list[str] | None, typer.Option("--label", help="The right class; several for a set.")] = None,
    result: Annotated[Path | None, typer.Option(help="File with the right result, as Label Studio writes it.")] = None,
    dry_run: DryRun = False,
) -> None:
    """Say what the right answer to some items is. Their answers measure annotators from then on, the past included."""
    from annotation.label_studio.templates.reading import read_answer
    from annotation.quality.gold import chosen

    [asked] = _tasks(load_settings(), task)
    if (labels is None) == (result is None):
        raise Misconfigured("give the right answer with --label or with --result")
    right = chosen(asked, labels) if labels is not None else _read(result)
    try:
        read_answer(asked, list(right))
    except Refusal as refusal:
        raise Misconfigured(f"that is no answer to task {task}: {refusal.detail}") from refusal
    if not dry_run:
        _gold(task).add([(item_id, right) for item_id in items])
    typer.echo(f"{'would add' if dry_run else 'added'} {len(items)} gold items to {task}")


@gold.command("ask")
def ask_gold(
    task: OneTask,
    annotators: Annotated[int, typer.Option(min=1, max=20, help="How many people are to answer each.")] = 1,
    dry_run: DryRun = False,
) -> None:
    """Send the gold items of a task to annotators, who cannot tell them from others."""
    from annotation.quality.gold import gold_request
    from annotation.selection.store.candidates import scored
    from streams.codec import encode
    from streams.kafka.producer import KafkaProducer
    from streams.topics import ANNOTATIONS_REQUESTED

    settings = load_settings()
    [asked] = _tasks(settings, task)
    wanted = [one.item_id for one in _gold(task).known()]
    with opened_metadata(settings).connect() as connection:
        found = scored(connection, asked.tenant, asked.name, wanted)
    requests = [gold_request(asked, item_id, *what, annotators) for item_id, what in sorted(found.items())]
    if not dry_run:
        kafka = reachable_kafka(settings)
        producer = KafkaProducer(kafka)
        for request in requests:
            producer.send(ANNOTATIONS_REQUESTED.full_name(kafka.prefix), encode(request, "millrace/gold"))
        producer.flush(settings.runner.flush_timeout_s)
        producer.close()
    typer.echo(f"{'would send' if dry_run else 'sent'} {len(requests)} gold items of {task} to annotators")
    if unknown := sorted(set(wanted) - set(found)):
        typer.echo(f"{len(unknown)} have not been scored for this task, such as {unknown[0]}", err=True)


@gold.command("remove")
def remove_gold(task: OneTask, items: Items, dry_run: DryRun = False) -> None:
    """Forget the right answer to some items; what people answered can become a label again."""
    store = _gold(task)
    known = {one.item_id for one in store.known()} & set(items)
    count = len(known) if dry_run else store.remove(known)
    typer.echo(f"{'would remove' if dry_run else 'removed'} {count} gold items from {task}")


def _tasks(settings: Settings, name: str = "") -> list[TaskConfig]:
    tasks = [task for task in settings.labelling.tasks if name in ("", task.name)]
    if name and not tasks:
        known = ", ".join(task.name for task in settings.labelling.tasks) or "none"
        raise Misconfigured(f"there is no task {name}; labelling.tasks has {known}")
    return tasks


def _gold(task: str) -> "GoldAnswers":
    from annotation.quality.gold import GoldAnswers

    settings = load_settings()
    [chosen] = _tasks(settings, task)
    return GoldAnswers(opened_metadata(settings), chosen)


def _read(file: Path | None) -> tuple[dict[str, Any], ...]:
    try:
        content = from_json((file or Path()).read_bytes())
    except (OSError, ValueError) as error:
        raise Misconfigured(f"{file} cannot be read as JSON: {error}") from error
    if not isinstance(content, list):
        raise Misconfigured(f"{file} must hold a list of regions")
    return tuple(content)


def _head(one: "Account") -> dict[str, Any]:
    names = {name: getattr(one, name) for name in ("tenant", "task", "model_version", "strategy")}
    return names | {"at": moment(one.at_ms)}


def _draw(file: Path, drawn_up: list[Any]) -> None:
    from annotation.account.drawing import write_plot

    if not drawn_up:
        raise MillraceError("there is no account to draw yet")
    newest, account = drawn_up[0]
    write_plot(account, file, f"{newest.task}, {newest.model_version}, {newest.strategy} against random")
    typer.echo(f"drew {newest.task} into {file}", err=True)


def _show(report: "TaskReport") -> None:
    unsettled = ", ".join(f"{count} {reason}" for reason, count in report.unsettled.items()) or "none"
    typer.echo(
        f"{report.task}: {report.answers} answers and {report.skips} skips to {report.items} items, "
        f"{report.labels} labels, without label: {unsettled}, adjudicated: {report.adjudicated}"
    )
    typer.echo(
        f"  agreement {_share(report.agreement)}, Krippendorff's alpha {_number(report.alpha)}, "
        f"Fleiss' kappa {_number(report.fleiss)}"
    )
    table = Table("annotator", "answers", "skips", "gold", "peers", "kappa", "adjudications", "trust", "median s")
    for one in report.annotators:
        table.add_row(
            one.annotator,
            str(one.answers),
            str(one.skips),
            _of(one.gold_right, one.gold_asked),
            _of(one.peers_agreed, one.peers_met),
            _number(one.kappa),
            str(one.adjudications),
            f"{one.trust:.2f}",
            "-" if one.median_s is None else f"{one.median_s:.1f}",
        )
    Console(width=None if Console().is_terminal else 120).print(table)


def _plain(report: "TaskReport") -> dict[str, Any]:
    people = [asdict(one) | {"gold_accuracy": one.gold_accuracy} for one in report.annotators]
    return asdict(report) | {"annotators": people}


def _of(count: int, total: int) -> str:
    return f"{count}/{total}" if total else "-"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _value(result: Iterable[Any]) -> str:
    return "; ".join(to_json(region.get("value")).decode() for region in result)
