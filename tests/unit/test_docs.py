"""The pages for people name only what exists: commands, options, settings, metrics, files."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from prometheus_client import Counter, Histogram
from prometheus_client.metrics import MetricWrapperBase
from pydantic import BaseModel

from infra.cli.main import app
from infra.installation import port_names
from infra.settings import PREFIX, Settings
from models.serving.api import metrics as api_metrics
from streams import metrics as stage_metrics
from streams.topics import LOOP

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "infra" / "decisions").glob("*.md")),
]
EVERY_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```|^((?: {4}.+\n)+)", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(?<!`)`([^`]+)`(?!`)")
LINK = re.compile(r"\]\(([^)\s]+)\)")
VARIABLE = re.compile(rf"\b{PREFIX}\w+")
DOTTED = re.compile(r"\b([a-z_]+)\.([a-z_]+(?:\.[a-z_]+)*)(?:=|\b)")
FILE_ENDINGS = {"sqlite", "jsonl", "csv", "parquet", "json", "lock", "log", "py", "md", "toml"}
"""Of names that look like settings: `metadata.sqlite` is a file."""
TOPICS = {topic.name for topic in LOOP}
"""So does `signals.measured`."""


@EVERY_PAGE
def test_every_command_that_a_page_names_exists(page: Path) -> None:
    assert [line for line in commands(page.read_text()) if objection(line)] == []


@EVERY_PAGE
def test_every_setting_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text()
    named = [*dotted_settings(text), *(variable_path(found) for found in VARIABLE.findall(text))]
    assert [".".join(path) for path in named if not exists(Settings, path)] == []


@EVERY_PAGE
def test_every_settings_file_on_a_page_can_be_loaded(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where no millrace.toml lies
    for language, block in blocks(page.read_text()):
        if language == "toml":
            settings = Settings(**tomllib.loads(block))
            assert set(settings.supervisor.ports) <= set(port_names(settings))


@EVERY_PAGE
def test_every_metric_that_a_page_names_exists(page: Path) -> None:
    named = {span for span in spans(page.read_text()) if re.match(r"millrace_[a-z_]+(\{[a-z,]+\})?$", span)}
    assert named - exposed_metrics() == set()


@EVERY_PAGE
def test_every_link_within_the_project_leads_somewhere(page: Path) -> None:
    targets = [link.partition("#")[0] for link in LINK.findall(page.read_text()) if "://" not in link]
    assert [target for target in targets if target and not (page.parent / target).exists()] == []


def test_a_command_that_does_not_exist_would_be_noticed() -> None:
    assert objection("millrace search words --nonsense") == "--nonsense"
    assert objection("millrace dlq nonsense") == "nonsense"
    assert objection("millrace --data-dir /srv/mill topics apply --dry-run") is None


def blocks(text: str) -> Iterator[tuple[str, str]]:
    """Language and content of every block of code."""
    for language, fenced, indented in BLOCK.findall(text):
        yield language, fenced or indented


def spans(text: str) -> list[str]:
    """Code within sentences."""
    return [" ".join(span.split()) for span in SPAN.findall(BLOCK.sub("", text))]


def commands(text: str) -> Iterator[str]:
    """Lines of code that begin with `millrace`, after variables that may stand before it."""
    lines = [line for _, block in blocks(text) for line in block.splitlines()]
    for line in [*lines, *spans(text)]:
        if match := re.match(rf"\s*(?:{PREFIX}\w+=(?:'[^']*'|\S*) )*(millrace [^|]+)$", line):
            yield match[1]


def objection(line: str) -> str | None:
    """The first word of a command line that the program does not know."""
    command: Any = typer.main.get_command(app)
    words = iter(shlex.split(line, comments=True)[1:])
    for word in words:
        if word.startswith("-") and word != "-":
            name = word.partition("=")[0]
            option = next((one for one in command.params if name in one.opts), None)
            if option is None:
                return word
            if not option.is_flag and "=" not in word:
                next(words, None)
        elif hasattr(command, "commands"):
            if word not in command.commands:
                return word
            command = command.commands[word]
    return None


def dotted_settings(text: str) -> Iterator[tuple[str, ...]]:
    """`kafka.prefix` and its like, in sentences and after `--set`."""
    for span in [*spans(text), *re.findall(r"--set (\S+)=", text)]:
        match = DOTTED.match(span)
        if match and match[1] in Settings.model_fields and match[2] not in FILE_ENDINGS and match[0] not in TOPICS:
            yield match[1], *match[2].split(".")


def variable_path(name: str) -> tuple[str, ...]:
    return tuple(name.removeprefix(PREFIX).lower().split("__"))


def exists(section: type[BaseModel], path: tuple[str, ...]) -> bool:
    field = section.model_fields.get(path[0])
    if field is None or len(path) == 1:
        return field is not None
    inner = field.annotation
    return not (isinstance(inner, type) and issubclass(inner, BaseModel)) or exists(inner, path[1:])


def exposed_metrics() -> set[str]:
    """Every metric as Prometheus shows it, with and without its labels."""
    found = set()
    for module in (stage_metrics, api_metrics):
        for metric in vars(module).values():
            if isinstance(metric, MetricWrapperBase):
                name = metric._name + ("_total" if isinstance(metric, Counter) else "")
                found |= {name, f"{name}{{{','.join(metric._labelnames)}}}"}
                if isinstance(metric, Histogram):
                    found |= {f"{name}_{part}" for part in ("bucket", "count", "sum")}
    return found
