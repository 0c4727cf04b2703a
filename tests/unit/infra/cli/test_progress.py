import io

import pytest
from rich.console import Console

from infra.cli.progress import shown_progress, shown_state
from streams.errors import BadRecord
from streams.publishing.publisher import Receipt
from streams.publishing.run import Summary


class HandClock:
    """Stands still unless moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def summary(count: int, weight: int) -> Summary:
    made = Summary(weight=weight)
    made.receipts[Receipt.PUBLISHED] = count
    return made


def test_away_from_a_terminal_a_line_comes_every_few_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    clock = HandClock()
    with shown_progress(200, clock, Console(file=io.StringIO())) as show:
        for count in range(1, 13):
            clock.sleep(1.0)
            show(summary(count, count * 10))
    assert capsys.readouterr().err == "5 items, 1 items/s, 25%, 15 s left\n10 items, 1 items/s, 50%, 10 s left\n"


def test_without_a_known_end_there_is_no_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    clock = HandClock()
    with shown_progress(None, clock, Console(file=io.StringIO())) as show:
        clock.sleep(10.0)
        made = summary(9, 90)
        made.refuse("x", BadRecord("invalid_json"))
        show(made)
    assert capsys.readouterr().err == "10 items, 1 items/s, 1 refused\n"


def test_on_a_terminal_a_bar_shows_count_rate_and_share() -> None:
    clock, screen = HandClock(), io.StringIO()
    with shown_progress(200, clock, Console(file=screen, force_terminal=True, width=120)) as show:
        clock.sleep(10.0)
        show(summary(100, 50))
    assert "100 items, 10 items/s" in screen.getvalue()
    assert "25%" in screen.getvalue()


def test_away_from_a_terminal_a_state_is_told_at_milestones_and_every_few_seconds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    clock = HandClock()
    with shown_state(clock, Console(file=io.StringIO())) as show:
        show("queued", "queued")
        for step in range(12):
            show(f"training, step {step}", "training")
            clock.sleep(1.0)
        show("saving", "saving")
    steps = [f"training, step {step}" for step in (0, 5, 10)]
    assert capsys.readouterr().err.splitlines() == ["queued", *steps, "saving"]
