"""The loop as the code tells it: each stage's file opens with its arrow, such as `items.raw -> items.curated`."""

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from streams.topics import LOOP

STAGE_PACKAGES = ("consumers", "annotation", "trainers")
_TOPIC = re.compile(r"[a-z_]+\.[a-z_]+")


@dataclass(frozen=True, slots=True)
class Arrow:
    """What a part of the loop reads and writes, by topic names."""

    name: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]


def parse_arrow(name: str, line: str) -> Arrow:
    """Words that name no topic (`every topic` apart) are the world outside. Raises ValueError without an arrow."""
    before, arrow, after = line.partition("->")
    if not arrow:
        raise ValueError(f"{name}: the docstring must open with an arrow, as in `items.raw -> items.curated`")
    return Arrow(name, _topics(before), _topics(after))


def stage_arrows(root: Path) -> list[Arrow]:
    """The arrows of all stages below `root`, by name."""
    return [parse_arrow(path.parent.name, first_line(path)) for path in stage_files(root)]


def stage_files(root: Path) -> list[Path]:
    return sorted(path for package in STAGE_PACKAGES for path in (root / package).rglob("stage.py"))


def first_line(path: Path) -> str:
    """First line of a module's docstring; empty if it has none."""
    return (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]


def _topics(text: str) -> tuple[str, ...]:
    names = tuple(topic.name for topic in LOOP)
    return names if "every topic" in text else tuple(_known(_TOPIC.findall(text), names))


def _known(found: Iterable[str], names: tuple[str, ...]) -> Iterable[str]:
    return (name for name in found if name in names)
