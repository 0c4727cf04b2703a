"""A dozen questions of three classes, and texts about other things."""

import numpy as np

from models.encoders.port import Encoder
from schemas.annotations import Arm
from schemas.items import Modality
from trainers.snapshots.manifest import Manifest
from trainers.snapshots.rows import Row, TaskFacts, TaskLabel

QUESTIONS = {
    "card lost": ("Where did my card go?", "I think my card was stolen", "My card is nowhere", "I lost the plastic"),
    "card late": (
        "When does my card come?",
        "My card has not arrived",
        "Is the card in the post?",
        "Still no card here",
    ),
    "card broken": ("My card does not work", "The machine refuses my card", "The chip is dead", "My card was bent"),
}
OTHERS = ("The sun is out.", "A recipe for bread with olives", "Trains leave at noon", "Felines rest most of the day.")


def questions() -> Manifest:
    """Labelled questions, and texts that nobody labelled."""
    task = TaskFacts("questions", "default", "class", tuple(QUESTIONS), "{label}")
    rows = [
        Row(
            "default",
            text,
            1,
            Modality.TEXT,
            "0" * 64,
            None,
            text,
            (TaskLabel("questions", (name,), 1.0, Arm.ACTIVE, 1),),
        )
        for name, texts in QUESTIONS.items()
        for text in texts
    ]
    rows += [Row("default", text, 1, Modality.TEXT, "0" * 64, None, text) for text in OTHERS]
    return Manifest.of("default", "", [task], rows)


def apartness(encoder: Encoder) -> float:
    """Mean nearness within a class less that between classes."""
    vectors = encoder.encode_texts([text for texts in QUESTIONS.values() for text in texts])
    classes = np.repeat(np.arange(len(QUESTIONS)), [len(texts) for texts in QUESTIONS.values()])
    near, same = vectors @ vectors.T, classes[:, None] == classes
    others = ~np.eye(len(classes), dtype=bool)
    return float(near[same & others].mean() - near[~same].mean())
