"""From the rows of a snapshot to examples: who belongs to whom, and how much each is believed. No bytes are read."""

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from schemas.items import MediaRef, Modality
from streams.errors import Misconfigured
from trainers.recipes.recipe import Recipe
from trainers.snapshots.rows import Key, Row, Split, TaskFacts

if TYPE_CHECKING:
    from models.mined.store import HardNegative

CLASS_KINDS = frozenset({"class", "multi_label"})
CAPTION = "caption"
NO_CLASS = -1

Tasks = Mapping[tuple[str, str], TaskFacts]
"""By tenant and name."""


class ItemName(NamedTuple):
    tenant: str
    item_id: str
    version: int


class Pair(NamedTuple):
    """A picture and a text that says what is in it."""

    picture: int
    text: int
    item: int
    klass: int
    task: int
    weight: float
    replay: bool


class Classed(NamedTuple):
    """A text and its class."""

    text: int
    item: int
    klass: int
    task: int
    weight: float
    replay: bool


class Side(NamedTuple):
    """An item of a hard negative: a picture, or a text; -1 for what it is not."""

    picture: int
    text: int
    item: int


class Triple(NamedTuple):
    """A query, the item that people took and the one that they passed over."""

    query: int
    positive: Side
    negative: Side
    weight: float


@dataclass(slots=True)
class Examples:
    """Places of pictures, texts and classes, and what they are examples of. Equal rows give equal examples."""

    pictures: dict[MediaRef, int] = field(default_factory=dict)
    texts: dict[str, int] = field(default_factory=dict)
    items: dict[Key, int] = field(default_factory=dict)
    classes: dict[tuple[str, str, str], int] = field(default_factory=dict)
    tasks: dict[tuple[str, str], int] = field(default_factory=dict)
    pairs: list[Pair] = field(default_factory=list)
    classed: list[Classed] = field(default_factory=list)
    triples: list[Triple] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Whether there is anything to learn from; texts that are to stay teach nothing."""
        return bool(self.pairs or self.classed or self.triples)


def examples_of(
    rows: Iterable[Row],
    tasks: Iterable[TaskFacts],
    negatives: "Iterable[HardNegative]",
    recipe: Recipe,
    known: Collection[ItemName] = (),
) -> Examples:
    """What the recipe can use of the training side. `known` are items that the parent was trained on: they replay."""
    found = Examples()
    by_name = {(task.tenant, task.name): task for task in tasks}
    training = [row for row in rows if row.split is Split.TRAIN]
    reads = recipe.lora.rank > 0
    for row in training:
        old = ItemName(row.tenant, row.item_id, row.version) in known
        if row.modality is Modality.IMAGE and row.media is not None:
            if recipe.objective.contrastive or recipe.objective.supervised:
                found.pairs += _pairs(found, row, row.media, by_name, old)
        elif row.modality is Modality.TEXT and row.text and reads:
            _read(found, row, row.text, by_name, recipe, old)
    if recipe.objective.hard_negatives:
        found.triples += _triples(found, {row.key: row for row in training}, negatives, reads)
    return found


def prompt(task: TaskFacts, label: str) -> str:
    """The sentence by which the text tower sees a class. Raises Misconfigured for a pattern that is none."""
    try:
        return task.prompt.format(label=label)
    except (AttributeError, LookupError, ValueError) as error:
        raise Misconfigured(f"the prompt of task {task.name} has no single place {{label}}: {error}") from error


def _pairs(found: Examples, row: Row, media: MediaRef, tasks: Tasks, old: bool) -> Iterator[Pair]:
    for label in row.labels:
        task = tasks.get((row.tenant, label.task))
        if task is None or label.trust <= 0 or task.kind not in CLASS_KINDS | {CAPTION}:
            continue
        for name in label.labels:
            named = task.kind in CLASS_KINDS
            klass, number = _class(found, task, name) if named else (NO_CLASS, NO_CLASS)
            words = prompt(task, name) if named else name
            yield Pair(*_picture(found, row, media, words), klass, number, label.trust, old)
    if row.text:
        yield Pair(*_picture(found, row, media, row.text), NO_CLASS, NO_CLASS, 1.0, True)


def _read(found: Examples, row: Row, text: str, tasks: Tasks, recipe: Recipe, old: bool) -> None:
    named = [
        Classed(_place(found.texts, text), _item(found, row), *_class(found, task, name), label.trust, old)
        for label in row.labels
        if label.trust > 0 and (task := tasks.get((row.tenant, label.task))) and task.kind in CLASS_KINDS
        for name in label.labels
    ]
    if named and recipe.objective.supervised:
        found.classed += named
    if not named and recipe.objective.retention:
        found.kept.append(_place(found.texts, text))


def _triples(
    found: Examples, rows: Mapping[Key, Row], negatives: "Iterable[HardNegative]", reads: bool
) -> Iterator[Triple]:
    """Those whose items are there as people saw them, and of which something learns."""
    for mined in negatives:
        positive = rows.get(Key(mined.tenant, mined.positive_id))
        negative = rows.get(Key(mined.tenant, mined.negative_id))
        if positive is None or negative is None or mined.weight <= 0 or not mined.query_text:
            continue
        if (positive.version, negative.version) != (mined.positive_version, mined.negative_version):
            continue
        pictured = any(row.modality is Modality.IMAGE for row in (positive, negative))
        if (pictured or reads) and _showable(positive) and _showable(negative):
            query = _place(found.texts, mined.query_text)
            yield Triple(query, _side(found, positive), _side(found, negative), mined.weight)


def _showable(row: Row) -> bool:
    return row.media is not None if row.modality is Modality.IMAGE else row.modality is Modality.TEXT and bool(row.text)


def _side(found: Examples, row: Row) -> Side:
    if row.modality is Modality.IMAGE and row.media is not None:
        return Side(_place(found.pictures, row.media), -1, _item(found, row))
    return Side(-1, _place(found.texts, row.text or ""), _item(found, row))


def _picture(found: Examples, row: Row, media: MediaRef, words: str) -> tuple[int, int, int]:
    return _place(found.pictures, media), _place(found.texts, words), _item(found, row)


def _class(found: Examples, task: TaskFacts, label: str) -> tuple[int, int]:
    name = (task.tenant, task.name)
    return _place(found.classes, (*name, label)), _place(found.tasks, name)


def _item(found: Examples, row: Row) -> int:
    return _place(found.items, row.key)


def _place(places: dict[Any, int], key: Hashable) -> int:
    return places.setdefault(key, len(places))
