"""Folders of tiny runs: begun, cut back, compared."""

import hashlib
import shutil
from pathlib import Path
from typing import Any

from trainers.loop.progress import Kind, Line
from trainers.recipes.recipe import Recipe


def begun(folder: Path, **fields: Any) -> Path:
    """A folder to train in."""
    folder.mkdir()
    recipe = Recipe.model_validate({"steps": 40, "batch": 16, "learning_rate": 0.01} | fields)
    (folder / "recipe.json").write_text(recipe.model_dump_json())
    return folder


def cut_back(folder: Path, step: int) -> None:
    """Forgets all that was done after a step."""
    for checkpoint in (folder / "checkpoints").iterdir():
        if int(checkpoint.name.removeprefix("step-")) > step:
            shutil.rmtree(checkpoint)
    shutil.rmtree(folder / "export")


def weights_digest(folder: Path) -> str:
    return hashlib.sha256((folder / "export" / "towers.safetensors").read_bytes()).hexdigest()


def said(folder: Path, kind: Kind) -> list[Line]:
    """All lines of a kind."""
    lines = (Line.model_validate_json(text) for text in (folder / "progress.jsonl").read_text().split("\n") if text)
    return [line for line in lines if line.kind is kind]
