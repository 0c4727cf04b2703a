"""Texts that people gave classes, on either side of a snapshot, and an encoder that needs no weights."""

from collections.abc import Sequence

from models.encoders.config import EncoderConfig
from models.encoders.hashing import HashingEncoder
from models.encoders.port import Vectors
from schemas.annotations import Arm
from schemas.items import Modality
from tests.unit.trainers.snapshots.frozen import row
from trainers.snapshots.manifest import Manifest
from trainers.snapshots.rows import Row, Split, TaskFacts, TaskLabel

WORDS = {
    "arts": ("painting", "theatre", "novel", "choir"),
    "news": ("election", "minister", "vote", "border"),
    "sport": ("goal", "league", "runner", "match"),
}
TOPIC = TaskFacts("topic", "default", "class", tuple(WORDS))
TONE = TaskFacts("tone", "default", "class", ("warm", "cold"))


class Reader(HashingEncoder):
    """Remembers what it was shown."""

    def __init__(self, salt: int = 0) -> None:
        super().__init__(EncoderConfig(), salt)
        self.read: list[str] = []

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        self.read += texts
        return super().encode_texts(texts)


def text(place: int, split: Split = Split.TRAIN, **others: str) -> Row:
    """A text of a class by turns; `others` are its labels where they are to be different ones."""
    classes = list(WORDS)
    name = classes[place % len(classes)]
    said = {"topic": name} | others
    words = " ".join(WORDS[name][(place // 3 + turn) % 4] for turn in range(2))
    labels = tuple(TaskLabel(task, (label,), 0.9, Arm.ACTIVE, 0) for task, label in sorted(said.items()) if label)
    return row(
        f"text-{place:03}",
        modality=Modality.TEXT,
        text=f"{words} number{place}",
        labels=labels,
        split=split,
        group=place,
    )


def taught(rows: Sequence[Row], *tasks: TaskFacts) -> Manifest:
    return Manifest.of("default", "m-0", tasks or [TOPIC], rows)


def both_sides(train: int = 45, evaluation: int = 15) -> list[Row]:
    rows = [text(place) for place in range(train)]
    return rows + [text(train + place, Split.EVALUATION) for place in range(evaluation)]
