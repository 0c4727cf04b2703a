"""`millrace demo`: the loop on real parts and real input, in a folder of its own."""

import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from infra.settings import flags, load_settings
from infra.supervisor.state import holder
from streams.errors import Misconfigured

if TYPE_CHECKING:
    from infra.demo.report import Report, Saved

TERMINATED_EXIT = 128 + signal.SIGTERM


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running afterwards.")] = False,
    set_up_s: Annotated[float, typer.Option(help="Seconds that the set-up before this command took.")] = 0.0,
) -> None:
    """Run the loop from publishing to search on real input and check what comes out. Exit code 1 if it is wrong."""
    from infra.broker.jars import KafkaJars
    from infra.demo.labelling import assignments
    from infra.demo.page import page_of
    from infra.demo.report import faults
    from infra.demo.run import Demo, fresh_folder

    folder = load_settings().data_dir / "demo"
    if holder(folder) is not None:
        raise Misconfigured(f"a demo still runs on {folder}; `millrace --data-dir {folder} down` ends it")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED_EXIT))  # ends what was started, as Ctrl-C does
    began = time.monotonic()
    fresh_folder(folder)
    flags.assignments = [*assignments(), *flags.assignments, f"data_dir={folder}"]
    settings = load_settings()
    say = _teller(began)
    if settings.kafka.bootstrap_servers is None:
        say("getting the broker's jars (45 MB the first time)")
        KafkaJars.locked().ensure(settings.broker.jars_dir.expanduser(), repository=settings.broker.repository)
    run = Demo(settings, folder, say, {"set_up": set_up_s + time.monotonic() - began})
    report, expected = run.run(keep)
    file = folder / "report.json"
    file.write_text(report.model_dump_json(indent=2))
    file.with_suffix(".html").write_text(page_of(report))
    _show(report, file)
    if wrong := faults(report, expected):
        for fault in wrong:
            typer.secho(f"wrong: {fault}", fg="red", err=True)
        raise typer.Exit(1)
    typer.secho("Everything came out as it had to.", fg="green")


def _teller(began: float) -> Callable[[str], None]:
    def say(what: str) -> None:
        typer.echo(f"{time.monotonic() - began:6.1f} s  {what}")

    return say


def _show(report: "Report", file: Path) -> None:
    console = Console(width=None if Console().is_terminal else 120)
    flow = Table("what went in", "and what became of it", title="The loop", show_lines=True)
    flow.add_row(_counts(report.published) + " published", f"{report.curated} curated, {report.indexed} indexed")
    flow.add_row("trouble", f"rejected: {_counts(report.rejected)}")
    flow.add_row("records that are no events", f"{report.dead_letters} dead letters")
    flow.add_row("what cannot work yet", f"{report.parked} parked, to be replayed later")
    flow.add_row("a withdrawn item", "found" if report.withdrawn_item_found else "never found again")
    flow.add_row("the same folder again", f"{report.republished} sent")
    console.print(flow)
    searches = Table("search", "expected", "rank", title="Searches")
    for one in report.searches:
        searches.add_row(one.query, one.expected, str(one.rank or "not found"))
    console.print(searches)
    console.print(_turns(report))
    console.print(_gatekeepers(report), highlight=False)
    labels, saved = report.labels, report.labels_saved
    console.print(
        f"Labels: {labels.asked} items asked, {labels.answered} answers, {_counts(labels.by_arm)} labels; annotators "
        f"agree in {_share(labels.agreement)}, {_share(labels.accuracy)} of the labels are true.\n"
        f"Labels saved by selection: {_saved(saved)}.",
        highlight=False,
    )
    seconds, fresh = report.seconds, report.freshness_s
    console.print(
        f"Fresh: half of all items were searchable {fresh.p50:.1f} s after publishing, 95% after {fresh.p95:.1f} s "
        f"(all published at once).\nTime: set-up {seconds.set_up:.0f} s, start {seconds.start:.0f} s, "
        f"ingest {seconds.ingest:.0f} s, labelling beside it {seconds.labelling:.0f} s, the wheel "
        f"{seconds.wheel:.0f} s, in all {seconds.total:.0f} s.\nReport: {file}, and with plots: "
        f"{file.with_suffix('.html')}",
        highlight=False,
    )


def _turns(report: "Report") -> Table:
    table = Table(
        "generation", "measured", "before", "after", "95% of the gain", "labels", "to live", title="The wheel"
    )
    for turn in report.turns:
        table.add_row(
            str(turn.generation),
            f"{turn.metric.replace('_', ' ')}, {turn.items} items",
            f"{turn.before:.3f}",
            f"{turn.after:.3f}",
            f"{turn.low:+.3f} to {turn.high:+.3f}",
            _counts(turn.labels),
            f"{turn.seconds.get('total', 0):.0f} s",
        )
    return table


def _gatekeepers(report: "Report") -> str:
    traffic, back = report.switch_traffic, report.rolled_back
    return (
        f"A degraded candidate: {'let through' if report.refused.passed else 'refused'} by the gate "
        f"({report.refused.reasons[0]}).\nForced through, it was sent back after {back.seconds_to_back:.1f} s: "
        f"{back.reason}.\nSearches meanwhile: {traffic.searches}, {traffic.failed} failed, {traffic.mixed} mixed, "
        f"longest gap between good answers {traffic.longest_gap_s:.2f} s."
    )


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))


def _share(share: float | None) -> str:
    return "no case" if share is None else f"{share:.0%}"


def _saved(saved: "Saved") -> str:
    if saved.share is None or saved.low is None or saved.high is None:
        return f"{saved.verdict} ({saved.n} labels in the random arm)"
    return f"{saved.verdict}: {saved.share:.0%}, 95% interval {saved.low:.0%} to {saved.high:.0%}, n = {saved.n}"
