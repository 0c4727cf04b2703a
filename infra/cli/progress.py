"""How long work is shown: a bar on a terminal, a plain line every few seconds elsewhere. Always on standard error."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from streams.clock import Clock, SystemClock
from streams.publishing.run import Summary

OnProgress = Callable[[Summary], None]
LINE_EVERY_S = 5.0
"""Between plain lines."""
BAR_EVERY_S = 0.1
"""Between changes of the bar."""


@contextmanager
def shown_progress(
    total: int | None, clock: Clock | None = None, console: Console | None = None
) -> Iterator[OnProgress]:
    """A function to call after each item; `total` is the bytes to come, None where nobody knows."""
    clock, console = clock or SystemClock(), console or Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(total, clock).show
        return
    columns = (
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%" if total else ""),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("0 items", total=total)
        started = clock.monotonic()
        due = started

        def show(summary: Summary) -> None:
            nonlocal due
            now = clock.monotonic()
            if now >= due:
                due = now + BAR_EVERY_S
                progress.update(task, completed=summary.weight, description=_state(summary, now - started))

        yield show


@contextmanager
def shown_state(clock: Clock | None = None, console: Console | None = None) -> Iterator[Callable[[str, str], None]]:
    """A function that shows how things stand in a line, and which milestone that is.

    One line that changes on a terminal; elsewhere a line at each milestone and every few seconds between them.
    """
    clock, console = clock or SystemClock(), console or Console(stderr=True)
    if console.is_terminal:
        with console.status("") as status:
            yield lambda line, _: status.update(line)
        return
    told, milestone_told, due = "", "", 0.0

    def show(line: str, milestone: str) -> None:
        nonlocal told, milestone_told, due
        now = clock.monotonic()
        if line != told and (milestone != milestone_told or now >= due):
            told, milestone_told, due = line, milestone, now + LINE_EVERY_S
            sys.stderr.write(f"{line}\n")

    yield show


class _Lines:
    """For logs and pipes."""

    def __init__(self, total: int | None, clock: Clock) -> None:
        self._total = total
        self._clock = clock
        self._started = clock.monotonic()
        self._due = self._started + LINE_EVERY_S

    def show(self, summary: Summary) -> None:
        now = self._clock.monotonic()
        if now < self._due:
            return
        self._due = now + LINE_EVERY_S
        line = _state(summary, now - self._started)
        if self._total and summary.weight:
            share = min(summary.weight / self._total, 1.0)
            left_s = (now - self._started) * (1 / share - 1)
            line += f", {share:.0%}, {left_s:.0f} s left"
        sys.stderr.write(line + "\n")


def _state(summary: Summary, elapsed_s: float) -> str:
    rate = summary.found / elapsed_s if elapsed_s > 0 else 0.0
    refused = f", {summary.refused.total()} refused" if summary.refused else ""
    return f"{summary.found} items, {rate:.0f} items/s{refused}"
