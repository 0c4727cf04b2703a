"""One table for people, one JSON for machines."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from tests.benchmarks.harness import Comparison

COLUMNS = ("what", "ours", "peer", "ratio", "goal", "verdict")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    what: str
    against: str
    """The peer and its version."""
    unit: str
    """Of the costs, such as `µs of CPU a record`."""
    compared: Comparison
    notes: dict[str, Any] = field(default_factory=dict)
    """Further figures of the same run, such as where the time went."""

    @property
    def cells(self) -> tuple[str, ...]:
        compared = self.compared
        return (
            f"{self.what} ({self.unit})",
            f"{compared.ours:.3g}",
            f"{self.against}: {compared.peer:.3g}",
            f"{compared.ratio:.2f}",
            str(compared.goal or "-"),
            compared.verdict,
        )

    def as_json(self) -> dict[str, Any]:
        compared = self.compared
        return {
            "what": self.what,
            "against": self.against,
            "unit": self.unit,
            "ours": compared.ours,
            "peer": compared.peer,
            "ratio": compared.ratio,
            "ratios": compared.ratios,
            "null": compared.null,
            "goal": str(compared.goal) if compared.goal else None,
            "verdict": compared.verdict,
            "notes": self.notes,
        }


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "load_1_min": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "system": platform.platform(),
    }


def table(rows: Sequence[Row]) -> str:
    """The rows as Markdown, with notes below."""
    cells = [COLUMNS, *(row.cells for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(COLUMNS))]
    padded = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in cells]
    lines = [f"| {' | '.join(line)} |" for line in padded]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    notes = [f"{row.what}: {name}: {_shown(value)}" for row in rows for name, value in row.notes.items()]
    return "\n".join([lines[0], rule, *lines[1:], "", *notes])


def write_json(file: Path, rows: Sequence[Row], failures: dict[str, str]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    body = {"machine": machine(), "rows": [row.as_json() for row in rows], "failures": failures}
    file.write_text(json.dumps(body, indent=2, ensure_ascii=False) + "\n")


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(inner)}" for name, inner in value.items())
    return str(value)
