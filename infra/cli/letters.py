"""`millrace dlq`: dead letters and parked records, listed, shown, replayed and discarded."""

import json
from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from infra.cli.where import reachable_kafka
from infra.placement import STAGES
from infra.settings import load_settings
from streams.errors import Misconfigured
from streams.letters import Letter
from streams.topics import dead_letter_topic, parked_topic

if TYPE_CHECKING:  # the client library is loaded by the commands that need it
    from streams.kafka.letter_box import LetterBox

app = typer.Typer(help="Dead letters and parked records (--parked) of a stage.", no_args_is_help=True)

StageName = Annotated[str, typer.Argument(help=f"One of {', '.join(STAGES)}.")]
Parked = Annotated[bool, typer.Option("--parked", help="Parked records (cannot work yet) instead of dead letters.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")]
Ids = Annotated[list[str] | None, typer.Argument(help="Ids as listed; needs --all if left out.")]
All = Annotated[bool, typer.Option("--all", help="Every letter, or every one with --reason.")]
Reason = Annotated[str | None, typer.Option(help="Only letters with this reason.")]


@app.command("list")
def list_letters(stage: StageName, parked: Parked = False, reason: Reason = None, as_json: AsJson = False) -> None:
    """List the letters that nobody has handled yet."""
    letters = [letter for letter in _box(stage, parked).letters() if reason in (None, letter.reason)]
    if as_json:
        typer.echo(json.dumps([_row(letter) for letter in letters], indent=2))
        return
    kind = "parked" if parked else "dead"
    if not letters:
        typer.echo(f"{stage} has no {kind} letters")
        return
    table = Table("id", "key", "reason", "detail", "since")
    for letter in letters:
        row = _row(letter)
        table.add_row(letter.id, str(row["key"]), letter.reason, letter.detail, letter.set_aside_at[:19])
    Console(width=None if Console().is_terminal else 200).print(table)
    counts = Counter(letter.reason for letter in letters)
    typer.echo(f"{len(letters)} {kind}: " + ", ".join(f"{count} {name}" for name, count in counts.most_common()))


@app.command("show")
def show_letter(stage: StageName, letter_id: str, parked: Parked = False, as_json: AsJson = False) -> None:
    """Show one letter whole: why, from where, its headers and its body."""
    letter = _chosen(_box(stage, parked).letters(), [letter_id], False, None)[0]
    whole = _row(letter) | {
        "stage": letter.stage,
        "exception": letter.exception,
        "code_version": letter.code_version,
        "cut": letter.cut,
        "headers": {name: value.decode("utf-8", "replace") for name, value in letter.headers},
        "body": None if letter.value is None else letter.value.decode("utf-8", "backslashreplace"),
    }
    if as_json:
        typer.echo(json.dumps(whole, indent=2))
    else:
        typer.echo("\n".join(f"{name}: {value}" for name, value in whole.items()))


@app.command("replay")
def replay_letters(
    stage: StageName,
    letter_ids: Ids = None,
    every: All = False,
    reason: Reason = None,
    parked: Parked = False,
    dry_run: DryRun = False,
) -> None:
    """Write the original records back to their topics. They keep their versions, so nothing newer is overwritten."""
    _handle(stage, parked, letter_ids, every or bool(reason), reason, dry_run, "replay")


@app.command("discard")
def discard_letters(
    stage: StageName,
    letter_ids: Ids = None,
    every: All = False,
    reason: Reason = None,
    parked: Parked = False,
    dry_run: DryRun = False,
) -> None:
    """Mark letters as handled without replaying them."""
    _handle(stage, parked, letter_ids, every or bool(reason), reason, dry_run, "discard")


def _handle(
    stage: str, parked: bool, ids: list[str] | None, every: bool, reason: str | None, dry_run: bool, verb: str
) -> None:
    from streams.kafka.producer import KafkaProducer

    box = _box(stage, parked)
    chosen = _chosen(box.letters(), ids or [], every, reason)
    if dry_run:
        typer.echo("\n".join([f"would {verb} {letter.id} ({letter.reason})" for letter in chosen] or ["nothing to do"]))
        return
    producer = KafkaProducer(reachable_kafka(load_settings()))
    count = box.replay(chosen, producer) if verb == "replay" else box.discard(chosen, producer)
    producer.close()
    typer.echo(f"{verb}ed {count} of {stage}" if count else "nothing to do")


def _chosen(letters: list[Letter], ids: list[str], every: bool, reason: str | None) -> list[Letter]:
    if not ids and not every:
        raise Misconfigured("name letters by id, or say --all or --reason")
    by_id = {letter.id: letter for letter in letters if reason in (None, letter.reason)}
    if missing := [one for one in ids if one not in by_id]:
        raise Misconfigured(f"there is no letter {missing[0]}; `millrace dlq list` shows them")
    return [by_id[one] for one in ids] if ids else list(by_id.values())


def _box(stage: str, parked: bool) -> "LetterBox":
    from streams.kafka.letter_box import LetterBox

    if stage not in STAGES:
        raise Misconfigured(f"there is no stage {stage}; there are {', '.join(STAGES)}")
    kafka = reachable_kafka(load_settings())
    return LetterBox(kafka, (parked_topic if parked else dead_letter_topic)(kafka.prefix, stage))


def _row(letter: Letter) -> dict[str, object]:
    return {
        "id": letter.id,
        "key": (letter.key or b"").decode("utf-8", "replace"),
        "reason": letter.reason,
        "detail": letter.detail,
        "set_aside_at": letter.set_aside_at,
    }
