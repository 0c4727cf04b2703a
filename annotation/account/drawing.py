"""The account as a picture: both learning curves with their bands, and what lies between them."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from annotation.account.config import Score
from annotation.account.saved import LabelsSaved, Point
from streams.errors import Misconfigured

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ACTIVE, RANDOM, INK = "#0b6e99", "#b3591d", "#333333"
"""Told apart by those who do not see red and green, and in grey."""
KINDS = (".png", ".svg", ".pdf")
NOTE = "bands: 95 % intervals of each point; every head is tested on labels that it never saw"
SCORE_NAMES = {Score.MACRO_F1: "macro-F1", Score.ACCURACY: "accuracy"}


def write_plot(account: LabelsSaved, file: Path, title: str) -> None:
    """Draws the account into a file, in the format that its name says. Raises Misconfigured for another name."""
    if file.suffix.lower() not in KINDS:
        raise Misconfigured(f"{file.name}: a plot is written as {', '.join(KINDS)}")
    figure = drawn(account, title)
    try:
        figure.savefig(file, dpi=160, metadata={"Date": None} if file.suffix.lower() == ".svg" else None)
    except OSError as error:
        raise Misconfigured(f"the plot cannot be written to {file}: {error.strerror}") from error


def drawn(account: LabelsSaved, title: str) -> "Figure":
    """The picture. Curves are named where they end; where there are none, it says why."""
    from matplotlib.figure import Figure  # without pyplot: no window, no state

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(f"{title}\n{account.in_words}", loc="left", fontsize=11, color=INK)
    if not account.curves.random:
        axes.set_axis_off()
        axes.text(0.5, 0.5, f"no curves: {account.why}", ha="center", va="center", color=INK)
        return figure
    for points, colour in ((account.curves.active, ACTIVE), (account.curves.random, RANDOM)):
        _curve(axes, points, colour, account.score)
    _names(axes, account)
    _distance(axes, account)
    _frame(axes, account)
    return figure


def _value(point: Point, score: Score) -> float:
    return point.macro_f1 if score is Score.MACRO_F1 else point.accuracy


def _curve(axes: "Axes", points: tuple[Point, ...], colour: str, score: Score) -> None:
    labels = [point.labels for point in points]
    axes.fill_between(
        labels, [point.low for point in points], [point.high for point in points], color=colour, alpha=0.15, linewidth=0
    )
    axes.plot(labels, [_value(point, score) for point in points], color=colour, marker="o", markersize=4, linewidth=2)


def _names(axes: "Axes", account: LabelsSaved) -> None:
    """Beside the last points, pushed apart where these lie close together."""
    ends = [(account.curves.active[-1], "active arm", ACTIVE), (account.curves.random[-1], "random arm", RANDOM)]
    ends.sort(key=lambda end: _value(end[0], account.score))
    apart = _value(ends[1][0], account.score) - _value(ends[0][0], account.score)
    shift = 0.0 if apart > 0.05 else 8.0
    for (point, name, colour), dy in zip(ends, (-shift, shift), strict=True):
        axes.annotate(
            name,
            (point.labels, _value(point, account.score)),
            xytext=(8, dy),
            textcoords="offset points",
            va="center",
            color=colour,
            fontweight="bold",
            annotation_clip=False,
        )


def _distance(axes: "Axes", account: LabelsSaved) -> None:
    """From where one arm reaches the target to where the other does."""
    if account.n_active is None or account.n_random is None or account.target is None:
        return
    axes.axhline(account.target, color=INK, linewidth=0.8, linestyle=(0, (4, 4)))
    ends: dict[str, Any] = {"arrowstyle": "<->", "color": INK, "shrinkA": 0, "shrinkB": 0}
    left, right = sorted((account.n_active, account.n_random))
    if right / left < 1.02:
        return
    axes.annotate("", (left, account.target), xytext=(right, account.target), arrowprops=ends)
    axes.annotate(
        f"{account.n_active:.0f} against {account.n_random:.0f} labels",
        ((left * right) ** 0.5, account.target),
        xytext=(0, 7),
        textcoords="offset points",
        ha="center",
        color=INK,
        fontsize=9,
    )


def _frame(axes: "Axes", account: LabelsSaved) -> None:
    counts = [point.labels for point in account.curves.random]
    axes.set_xscale("log")
    axes.set_xticks(counts, [str(count) for count in counts])
    axes.minorticks_off()
    axes.set_xlim(counts[0] * 0.93, counts[-1] * 1.3)
    axes.set_xlabel(f"labels, log scale\n{NOTE}")
    axes.set_ylabel(f"{SCORE_NAMES[account.score]} on labels of the random arm")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
