"""The demo's report as a page for a browser: figures, plots and nothing that must be loaded from elsewhere."""

import re
from collections.abc import Iterable, Sequence
from html import escape
from io import StringIO
from typing import TYPE_CHECKING

from infra.demo.report import Report, Turn

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BEFORE, AFTER, INK = "#b3591d", "#0b6e99", "#333333"
"""Told apart by those who do not see red and green, and in grey."""
STEPS = (
    "queue",
    "snapshot",
    "data",
    "training",
    "heads",
    "saving",
    "evaluation",
    "prepare",
    "backfill",
    "verify",
    "canary",
)
IDS = re.compile(r'\bid="|href="#|url\(#')
"""What comes before an id, in a picture."""
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #333; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: .3rem .6rem; }
th { border-bottom: 2px solid #999; } td { border-bottom: 1px solid #ddd; vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
svg { max-width: 100%; height: auto; }
.verdict { padding: .6rem 1rem; border-left: 4px solid #0b6e99; background: #f4f8fa; }
"""


def page_of(report: Report) -> str:
    """HTML of one file."""
    traffic, back = report.switch_traffic, report.rolled_back
    sections = (
        "<h1>Millrace: what the demo showed</h1>",
        f"<p class=verdict>{len(report.turns)} turns of the wheel while {traffic.searches} searches ran: "
        f"{traffic.failed} failed, {traffic.mixed} mixed two models.</p>",
        "<h2>Each turn made the live model better</h2>",
        svg(quality_plot(report.turns), "quality"),
        turns_table(report.turns),
        "<h2>Where the time went, from the request for training to the switch</h2>",
        svg(time_plot(report.turns), "time"),
        "<h2>What must not get through</h2>",
        f"<p>A degraded candidate was <b>{'let through' if report.refused.passed else 'refused'}</b> by the gate "
        f"({number(report.refused.before)} to {number(report.refused.after)}):</p>",
        items(report.refused.reasons),
        f"<p>Forced through, it served for {back.seconds_to_back:.1f} s as generation {back.generation}; then the "
        f"guardrails sent it back: {escape(back.reason)}.</p>",
        "<h2>Labels</h2>",
        f"<p>{report.labels.answered} answers of {report.labels.given} given came back; "
        f"{counts(report.labels.by_arm)} labels. Labels saved by selection: {escape(report.labels_saved.verdict)}"
        f" (n = {report.labels_saved.n}).</p>",
        "<h2>Items</h2>",
        f"<p>{counts(report.published)} published, {report.curated} curated, {report.indexed} indexed; rejected: "
        f"{counts(report.rejected)}; {report.dead_letters} dead letters, {report.parked} parked.</p>",
    )
    body = "\n".join(sections)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Millrace demo</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body>{body}</body></html>'
    )


def turns_table(turns: Iterable[Turn]) -> str:
    """One row a turn."""
    head = ["generation", "asked by", "measured on", "before", "after", "95% of the gain", "labels", "seconds to live"]
    rows = [
        (
            turn.generation,
            turn.cause,
            f"{turn.metric.replace('_', ' ')}, {turn.items} items",
            number(turn.before),
            number(turn.after),
            f"{turn.low:+.3f} to {turn.high:+.3f}",
            counts(turn.labels),
            f"{turn.seconds.get('total', 0):.0f}",
        )
        for turn in turns
    ]
    header = "".join(f"<th>{escape(name)}</th>" for name in head)
    lines = ("".join(f"<td>{escape(str(cell))}</td>" for cell in row) for row in rows)
    return f"<table><tr>{header}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def quality_plot(turns: Sequence[Turn]) -> "Figure":
    """Before and after of each turn; the bar is the interval of the gain."""
    from matplotlib.figure import Figure  # without pyplot: no window, no state

    figure = Figure(figsize=(8, 3.2), layout="constrained")
    axes = figure.add_subplot()
    places = range(len(turns))
    axes.scatter(places, [turn.before for turn in turns], color=BEFORE, label="before", zorder=3)
    below = [max(0.0, turn.after - turn.before - turn.low) for turn in turns]
    above = [max(0.0, min(1.0, turn.before + turn.high) - turn.after) for turn in turns]
    axes.errorbar(
        places, [turn.after for turn in turns], yerr=[below, above], fmt="o", color=AFTER, capsize=4, label="after"
    )
    axes.set_xticks(list(places), [f"generation {turn.generation}" for turn in turns])
    axes.set_ylim(0, 1.05)
    axes.set_xlim(-0.5, len(turns) - 0.5)
    axes.set_ylabel(turns[0].metric.replace("_", " ") if turns else "")
    axes.legend(frameon=False, loc="lower right")
    _plain(axes)
    return figure


def time_plot(turns: Sequence[Turn]) -> "Figure":
    """Seconds of each step, one bar a turn."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 1.2 + 0.6 * len(turns)), layout="constrained")
    axes = figure.add_subplot()
    named = [*STEPS, "between"]
    colours = colormaps["tab20"].resampled(len(named))
    for row, turn in enumerate(turns):
        left = 0.0
        for place, step in enumerate(named):
            took = max(0.0, turn.seconds.get(step, 0.0))
            axes.barh(row, took, left=left, color=colours(place), label=step if row == 0 else None)
            left += took
    axes.set_yticks(range(len(turns)), [f"generation {turn.generation}" for turn in turns])
    axes.invert_yaxis()
    axes.set_xlabel("seconds")
    figure.legend(frameon=False, loc="outside lower center", ncols=6, fontsize=8)
    _plain(axes)
    return figure


def svg(figure: "Figure", name: str) -> str:
    """The picture as text that a page can hold; `name` keeps its ids apart from those of other pictures."""
    from matplotlib import rc_context

    out = StringIO()
    with rc_context({"svg.hashsalt": name}):
        figure.savefig(out, format="svg", metadata={"Date": None})
    text = out.getvalue()
    return IDS.sub(rf"\g<0>{name}-", text[text.index("<svg") :])


def items(lines: Iterable[str]) -> str:
    """A list."""
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"


def counts(of: dict[str, int]) -> str:
    """`3 text, 4 image`."""
    return escape(", ".join(f"{count} {name}" for name, count in sorted(of.items()))) or "none"


def number(value: float) -> str:
    return f"{value:.3f}"


def _plain(axes: object) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)  # type: ignore[attr-defined]
