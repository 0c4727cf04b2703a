"""`millrace publish` and `millrace withdraw`: items into the loop and out of it again."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.progress import shown_progress
from infra.cli.where import reachable_kafka
from infra.settings import Settings, load_settings
from schemas.items import WithdrawalMode
from streams.errors import Misconfigured, Unavailable
from streams.publishing.journal import Journal
from streams.publishing.offer import Found
from streams.publishing.publisher import Preview, Publisher, Receipt
from streams.publishing.run import Limits, Summary, publish_all
from streams.publishing.sources.columns import Columns, Defaults
from streams.publishing.sources.folders import Reading, found_in, total_weight
from streams.publishing.sources.standard_input import found_on
from streams.topics import RAW

if TYPE_CHECKING:  # the client library is loaded by the commands that need it
    from streams.kafka.config import KafkaConfig

JOURNAL = "published.sqlite"
INTERRUPTED_FLUSH_S = 5.0
STDIN = Path("-")

Paths = Annotated[
    list[Path] | None,
    typer.Argument(
        help="Files, folders, tables (JSONL, CSV, Parquet; .gz too), or - for standard input.", metavar="PATH"
    ),
]
Ids = Annotated[list[str], typer.Argument(help="Ids of the items.", metavar="ITEM_ID")]
Tenant = Annotated[str, typer.Option(help="Whose items they are.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")]


def publish(
    paths: Paths = None,
    *,
    text_field: Annotated[str | None, typer.Option(help="Column with the text; else `text` or `caption`.")] = None,
    id_field: Annotated[str | None, typer.Option(help="Column with the id; else `item_id` or `id`.")] = None,
    file_field: Annotated[str | None, typer.Option(help="Column with a file beside the table.")] = None,
    source: Annotated[str | None, typer.Option(help="Source of items that name none; else the folder's name.")] = None,
    language: Annotated[str | None, typer.Option(help="Language of items that name none.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="A tag for every item; may be repeated.")] = None,
    licence: Annotated[str | None, typer.Option(help="Licence of items that name none.")] = None,
    tenant: Tenant = "default",
    withdraw_id: Annotated[
        list[str] | None, typer.Option("--withdraw", metavar="ID", help="Withdraw this item as well; may be repeated.")
    ] = None,
    restore: Annotated[bool, typer.Option(help="Publish items that were withdrawn here before, too.")] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Publish files, folders, tables or standard input. Done again, it sends only what is new or changed.

    Exit code 1 if anything could not be published; everything else was.
    """
    if not paths and not withdraw_id:
        raise Misconfigured("name a file or folder to publish, or - for standard input")
    settings = load_settings()
    reading = Reading(Columns(text_field, id_field, file_field), Defaults(source, language, tuple(tag or ()), licence))
    items, total = _items(paths or [], reading)
    if dry_run:
        limits = Limits(tenant, settings.media.max_object_bytes, restore)
        summary = _previewed(settings, items, total, limits)
    else:
        with _publisher(settings, tenant) as publisher:
            limits = Limits(tenant, publisher.max_bytes, restore, publisher.media_at_once)
            with shown_progress(total) as on_progress:
                summary = publish_all(items, publisher, limits, on_progress)
            for item_id in withdraw_id or []:
                publisher.withdraw(item_id)
    typer.echo(_as_json(summary) if as_json else _as_text(summary, withdraw_id or [], dry_run))
    if summary.refused:
        raise typer.Exit(1)


def withdraw(
    item_ids: Ids,
    erase: Annotated[bool, typer.Option("--erase", help="Remove the bytes too, not only from searches.")] = False,
    tenant: Tenant = "default",
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Withdraw items: they are never found again, unless published with --restore."""
    mode = WithdrawalMode.ERASE if erase else WithdrawalMode.DELETE
    if not dry_run:
        with _publisher(load_settings(), tenant) as publisher:
            for item_id in item_ids:
                publisher.withdraw(item_id, mode)
    if as_json:
        typer.echo(json.dumps({"withdrawn": item_ids, "mode": mode, "dry_run": dry_run}))
    else:
        typer.echo(f"{'would withdraw' if dry_run else 'withdrew'} {_counted(len(item_ids))} ({mode})")


def _items(paths: list[Path], reading: Reading) -> tuple[Iterator[Found], int | None]:
    """What the paths hold, and the bytes of it all, None where nobody can know."""
    if STDIN in paths:
        if len(paths) > 1:
            raise Misconfigured("standard input (-) stands alone: publish files and folders by another command")
        return found_on(sys.stdin.buffer, reading), None
    return found_in(paths, reading), total_weight(paths)


def _previewed(settings: Settings, items: Iterator[Found], total: int | None, limits: Limits) -> Summary:
    path = settings.data_dir / JOURNAL
    journal = Journal.open(path, _destination(settings)) if path.exists() else None
    with shown_progress(total) as on_progress:
        return publish_all(items, Preview(journal, limits.tenant), limits, on_progress)


@contextmanager
def _publisher(settings: Settings, tenant: str) -> Iterator[Publisher]:
    """A publisher into the running system; flushed at the end, also when the source was interrupted."""
    from streams.kafka.producer import KafkaProducer
    from streams.media.store import MediaStore

    kafka = reachable_kafka(settings)
    topic = RAW.full_name(kafka.prefix)
    _require_topic(kafka, topic)
    producer = KafkaProducer(kafka)
    journal = Journal.open(settings.data_dir / JOURNAL, _destination(settings))
    publisher = Publisher(producer, MediaStore.open(settings.media.resolved(settings.data_dir)), topic, journal, tenant)
    try:
        yield publisher
        publisher.flush()
    except Unavailable as error:
        with suppress(Unavailable):
            publisher.flush(INTERRUPTED_FLUSH_S)
        raise Unavailable(f"{error}. The same command goes on from there") from error
    except KeyboardInterrupt:
        publisher.flush(INTERRUPTED_FLUSH_S)
        raise
    finally:
        producer.close()
        journal.close()


def _require_topic(kafka: "KafkaConfig", topic: str) -> None:
    """A missing topic must not be made by accident: its partitions are fixed for ever."""
    from streams.kafka.topic_admin import TopicAdmin

    if not TopicAdmin(kafka).present([topic], []):
        raise Misconfigured(f"there is no topic {topic}: run `millrace topics apply`")


def _destination(settings: Settings) -> str:
    """The log that the journal is about. The embedded broker lives in the data folder, whatever its port is today."""
    cluster = settings.kafka.bootstrap_servers or "embedded"
    return f"{cluster}/{RAW.full_name(settings.kafka.prefix)}/{settings.kafka.log_epoch}"


def _as_json(summary: Summary) -> str:
    return json.dumps(
        {
            "published": summary.receipts[Receipt.PUBLISHED],
            "unchanged": summary.receipts[Receipt.UNCHANGED],
            "stays_withdrawn": summary.receipts[Receipt.STAYS_WITHDRAWN],
            "by_modality": dict(summary.by_modality),
            "refused": dict(summary.refused),
            "refusals": [asdict(refusal) for refusal in summary.refusals],
            "bytes": summary.weight,
        },
        indent=2,
        ensure_ascii=False,
    )


def _as_text(summary: Summary, withdrawn: list[str], dry_run: bool) -> str:
    kinds = ", ".join(f"{count} {name}" for name, count in sorted(summary.by_modality.items()))
    lines = [
        f"{'would publish' if dry_run else 'published'} {_counted(summary.receipts[Receipt.PUBLISHED])}"
        + (f" ({kinds})" if kinds else "")
        + f", {summary.receipts[Receipt.UNCHANGED]} unchanged"
    ]
    if count := summary.receipts[Receipt.STAYS_WITHDRAWN]:
        lines.append(f"{_counted(count)} withdrawn earlier and left so; --restore publishes them")
    if withdrawn:
        lines.append(f"{'would withdraw' if dry_run else 'withdrew'} {_counted(len(withdrawn))}")
    for reason, count in summary.refused.most_common():
        lines.append(f"refused {_counted(count)}: {reason}")
        examples = [refusal for refusal in summary.refusals if refusal.reason == reason][:5]
        lines += [f"  {refusal.place}: {refusal.detail or reason}" for refusal in examples]
    return "\n".join(lines)


def _counted(count: int) -> str:
    return f"{count} item" if count == 1 else f"{count} items"
