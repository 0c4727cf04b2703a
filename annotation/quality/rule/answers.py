"""How far two answers to one task say the same, and how many answers there could be."""

import unicodedata
from collections import Counter

from annotation.label_studio.templates.answers import Answer
from annotation.quality.config import QualityConfig
from annotation.quality.measures.regions import box_f1, span_iou
from annotation.quality.rule.votes import Alike
from annotation.tasks import TaskConfig, TaskKind

RATINGS = 4
SIDES = 2


def possible_answers(task: TaskConfig, config: QualityConfig) -> int:
    """Among how many answers people choose; of a task without choices, how many the settings take it to have."""
    counts = {TaskKind.CLASS: len(task.labels), TaskKind.PAIRWISE: SIDES, TaskKind.RELEVANCE: RATINGS}
    return counts.get(task.kind, config.open_answers)


def alike(task: TaskConfig, config: QualityConfig) -> Alike:
    """Whether two answers to the task say the same."""
    if task.kind is TaskKind.BOXES:
        return lambda one, other: box_f1(one.boxes, other.boxes, config.box_iou) >= config.same_boxes
    if task.kind in (TaskKind.AUDIO_SEGMENTS, TaskKind.VIDEO_SEGMENTS):
        return lambda one, other: span_iou(one.spans, other.spans) >= config.same_segments
    if task.kind in (TaskKind.CAPTION, TaskKind.QUESTION_ANSWER):
        return lambda one, other: word_f1(one.text or "", other.text or "") >= config.same_words
    return lambda one, other: one == other


def in_words(answer: Answer) -> str:
    """A chosen answer as reports and kappas count it."""
    return str(answer.choice or answer.rating or " + ".join(answer.labels) or answer.text or "")


def word_f1(one: str, other: str) -> float:
    """Harmonic mean of the shares of words that are in the other text too, each as often as it stands there.

    P. Rajpurkar et al., SQuAD (2016), without its list of articles, which knows one language only.
    """
    ours, theirs = Counter(_words(one)), Counter(_words(other))
    shared = (ours & theirs).total()
    return 2 * shared / (ours.total() + theirs.total()) if shared else float(ours == theirs)


def chosen_answer(task: TaskConfig, labels: tuple[str, ...]) -> Answer:
    """The answer of somebody who chose these. Raises ValueError where that is no answer to the task."""
    if task.kind in (TaskKind.CLASS, TaskKind.MULTI_LABEL):
        return Answer(labels=labels)
    if task.kind is TaskKind.PAIRWISE:
        [side] = labels
        if side in ("left", "right"):
            return Answer(choice="left" if side == "left" else "right")
    if task.kind is TaskKind.RELEVANCE:
        [grade] = labels
        return Answer(rating=int(grade))
    raise ValueError(f"nothing of that kind is chosen in task {task.name}")


def _words(text: str) -> list[str]:
    kept = (character if character.isalnum() else " " for character in unicodedata.normalize("NFKC", text).casefold())
    return "".join(kept).split()
