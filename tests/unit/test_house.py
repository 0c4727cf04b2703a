"""House rules that a machine can hold us to. The linter and the import contracts hold the others."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("schemas", "streams", "models", "consumers", "annotation", "trainers", "infra")
MAX_LINES = 300
MAX_TEST_LINES = 400  # a list of claims may be longer
MAX_MODULES = 8
GRAB_BAGS = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}

CROWDED = {
    "streams": "each part of the runner is one idea; a folder more would hide the map",
    "infra/cli": "one module for each group of commands",
    "infra/migrations/versions": "one file for each step, for ever",
}
"""Folders with more modules than allowed, and why."""


def modules(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes())


def docstring(path: Path) -> str:
    return ast.get_docstring(tree(path)) or ""


def imported(path: Path) -> Iterator[str]:
    """Top-level packages that a module imports anywhere."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield (node.module or "").partition(".")[0]


def importers(package: str) -> set[str]:
    return {relative(path) for path in modules(*PACKAGES) if package in imported(path)}


def reads_environment(path: Path) -> bool:
    attributes = (node.attr for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute))
    names = (node.id for node in ast.walk(tree(path)) if isinstance(node, ast.Name))
    return bool({"environ", "environb", "getenv", "putenv"} & {*attributes, *names})


def swallows_everything(path: Path) -> bool:
    """Catches whatever comes and does not raise it again."""
    handlers = (node for node in ast.walk(tree(path)) if isinstance(node, ast.ExceptHandler))
    quiet = (node for node in handlers if ast.unparse(node.body[-1]) != "raise")
    caught = (ast.unparse(node.type) if node.type else "BaseException" for node in quiet)
    return any({"Exception", "BaseException"} & set(re.findall(r"\w+", kind)) for kind in caught)


def test_only_settings_read_the_environment() -> None:
    assert [relative(path) for path in modules(*PACKAGES) if reads_environment(path)] == ["infra/settings.py"]


def test_only_streams_knows_the_kafka_client() -> None:
    assert {name.partition("/")[0] for name in importers("confluent_kafka")} == {"streams"}


@pytest.mark.parametrize("package", ["deepspeed"])
def test_one_file_at_most_knows(package: str) -> None:
    assert len(importers(package)) <= 1, importers(package)


@pytest.mark.parametrize("package", ["clickhouse_connect", "label_studio_sdk", "obstore", "qdrant_client"])
def test_one_folder_at_most_knows(package: str) -> None:
    folders = {"/".join(name.split("/")[:2]) for name in importers(package)}
    assert len(folders) <= 1, importers(package)


def test_only_the_command_line_swallows_everything() -> None:
    assert {relative(path) for path in modules(*PACKAGES) if swallows_everything(path)} <= {"infra/cli/main.py"}


def test_no_module_is_a_grab_bag() -> None:
    assert [relative(path) for path in modules(*PACKAGES, "tests") if path.stem in GRAB_BAGS] == []


@pytest.mark.parametrize("path", [path for path in modules(*PACKAGES) if path.name == "__init__.py"], ids=relative)
def test_a_package_says_what_it_is_for(path: Path) -> None:
    assert docstring(path)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_folder_with_modules_is_a_package(package: str) -> None:
    folders = {path.parent for path in modules(package)} - {ROOT / "infra" / "migrations" / "versions"}  # Alembic's
    assert [relative(folder) for folder in folders if not (folder / "__init__.py").exists()] == []


STAGES = [path for path in modules("consumers", "annotation", "trainers") if path.name == "stage.py"]


@pytest.mark.parametrize("path", STAGES, ids=relative)
def test_the_first_line_of_a_stage_is_its_arrow(path: Path) -> None:
    assert "->" in docstring(path).partition("\n")[0]
    assert path.read_text().startswith('"""')


@pytest.mark.parametrize("path", modules(*PACKAGES, "tests"), ids=relative)
def test_a_file_fits_into_the_head_or_says_why_not(path: Path) -> None:
    allowed = MAX_TEST_LINES if path.is_relative_to(ROOT / "tests") else MAX_LINES
    lines = path.read_text().count("\n")
    assert lines <= allowed or f"{MAX_LINES} lines" in docstring(path), f"{lines} lines"


def test_a_folder_fits_into_the_head() -> None:
    counts = Counter(relative(path.parent) for path in modules(*PACKAGES) if not path.name.startswith("_"))
    assert {folder: count for folder, count in counts.items() if count > MAX_MODULES and folder not in CROWDED} == {}


def test_every_folder_of_tests_is_a_package() -> None:
    folders = {path.parent for path in modules("tests")}
    parents = {parent for folder in folders for parent in folder.parents if parent.is_relative_to(ROOT / "tests")}
    assert [relative(folder) for folder in folders | parents if not (folder / "__init__.py").exists()] == []


def test_unit_tests_mirror_the_tree() -> None:
    """A folder of unit tests stands for a folder of code."""
    units = ROOT / "tests" / "unit"
    strangers = {path.parent.relative_to(units) for path in modules("tests/unit")} - {Path()}
    assert [folder.as_posix() for folder in strangers if not (ROOT / folder).is_dir()] == []
