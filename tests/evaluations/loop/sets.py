"""The data sets of the loop: items with their truth, and what each turn may cost."""

import csv
import gzip
import json
import tarfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np
from pydantic import JsonValue

from schemas.items import MediaRef, Modality
from streams.media.store import MediaStore
from trainers.snapshots.rows import TaskFacts

TENANT = "default"
SAME = frozenset({"same_picture", "figure_revision"})
"""Kinds of near-duplicates of which one is kept: no picture lies on both sides."""


@dataclass(frozen=True)
class Plan:
    """How large the sides are, what may be labelled, and how it is trained."""

    pool: int
    held_out: int
    budget: int
    """Labels of each turn."""
    turns: int
    recipe: str
    overrides: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True)
class Item:
    """One item and the label that people would give it."""

    item_id: str
    truth: str
    text: str | None = None
    media: MediaRef | None = None

    @property
    def modality(self) -> Modality:
        return Modality.TEXT if self.media is None else Modality.IMAGE

    @property
    def sha256(self) -> str:
        return self.media.sha256 if self.media else sha256((self.text or "").encode()).hexdigest()


@dataclass(frozen=True)
class LoopSet:
    """Items of one task."""

    name: str
    task: TaskFacts
    items: tuple[Item, ...]
    plan: Plan


def openstax_captions(data: Path, media: MediaStore) -> LoopSet:
    """Figures of textbooks; the label is the printed caption, which is read whole."""
    folder = data / "openstax-captions"
    lines = [json.loads(line) for line in (folder / "items.jsonl").read_text("utf-8").splitlines()]
    with (folder / "near_duplicates.csv").open(newline="") as rows:
        repeated = _repeated((row["id_a"], row["id_b"]) for row in csv.DictReader(rows) if row["label"] in SAME)
    kept = [line for line in lines if line["caption"] and line["id"] not in repeated]
    pictures = _pictures(folder / "images.tar", media)
    items = tuple(Item(line["id"], line["caption"], media=pictures[line["image"]]) for line in kept)
    plan = Plan(pool=500, held_out=200, budget=150, turns=2, recipe="default")
    return LoopSet("openstax-captions", TaskFacts("caption", TENANT, "caption"), items, plan)


def clothing(data: Path, media: MediaStore) -> LoopSet:
    """Photos of ten kinds of clothes."""
    folder = data / "clothing"
    lines = [json.loads(line) for line in (folder / "items.jsonl").read_text("utf-8").splitlines()]
    pictures = _pictures(folder / "images.tar", media)
    items = tuple(Item(line["id"], line["label"], media=pictures[line["image"]]) for line in lines)
    plan = Plan(pool=600, held_out=300, budget=80, turns=3, recipe="default")
    return LoopSet("clothing", _classes("clothes", items, "a photo of a {label}"), items, plan)


def banking77(data: Path, _media: MediaStore) -> LoopSet:
    """Short questions to a bank, 77 intents. The same sample for every seed, so that frozen vectors are made once."""
    with gzip.open(data / "banking77" / "items.jsonl.gz", "rt", encoding="utf-8") as lines:
        every = [json.loads(line) for line in lines]
    once = list({line["text"].strip().lower(): line for line in every}.values())
    some = np.sort(np.random.default_rng(0).permutation(len(once))[:3000])
    items = tuple(Item(once[at]["id"], once[at]["label"], text=once[at]["text"]) for at in some)
    changes: dict[str, JsonValue] = {"steps": 30, "batch": 48, "side_batch": 8, "text_pieces": 24}
    plan = Plan(pool=900, held_out=400, budget=154, turns=2, recipe="text-lora", overrides=changes)
    return LoopSet("banking77", _classes("intent", items, "{label}"), items, plan)


SETS: dict[str, Callable[[Path, MediaStore], LoopSet]] = {
    "openstax-captions": openstax_captions,
    "clothing": clothing,
    "banking77": banking77,
}


def _classes(name: str, items: Iterable[Item], prompt: str) -> TaskFacts:
    return TaskFacts(name, TENANT, "class", tuple(sorted({item.truth for item in items})), prompt)


def _pictures(archive: Path, media: MediaStore) -> dict[str, MediaRef]:
    """Puts the pictures where the project has media; by file name."""
    found = {}
    with tarfile.open(archive) as members:
        for member in members:
            if (file := members.extractfile(member)) is not None:
                found[Path(member.name).name] = media.put(file.read(), "image/jpeg")
    return found


def _repeated(pairs: Iterable[tuple[str, str]]) -> set[str]:
    """All but the first of each group that pairs join."""
    first: dict[str, str] = {}

    def root(name: str) -> str:
        while (other := first.setdefault(name, name)) != name:
            name = other
        return name

    for one, other in pairs:
        near, far = sorted((root(one), root(other)))
        first[far] = near
    return {name for name in first if root(name) != name}
