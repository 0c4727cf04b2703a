"""What all votes on an item come to: a label, one more question, or nothing.

The one-coin model of A. P. Dawid and A. M. Skene (1979), in the form with one number a person: somebody of accuracy p
gives the right answer with probability p, and each wrong one with (1 - p) / (K - 1). With all answers equally likely
beforehand the votes make a posterior, whose largest value is the trust in the label. Somebody no better than chance
counts for nothing, never against: a label is not inferred from who denied it.

Pure, and the order of votes does not matter.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from annotation.label_studio.templates.answers import Answer
from annotation.label_studio.templates.writing import write_answer
from annotation.quality.config import QualityConfig
from annotation.quality.rule.answers import possible_answers
from annotation.quality.rule.votes import Alike, Vote, agreeing_share, camps
from annotation.tasks import TaskConfig, TaskKind
from models.labels.store import Result
from schemas.annotations import Arm

MOST_TRUSTED = 0.99
"""Nobody is beyond doubt."""

Trust = Callable[[str], float]
"""Of an annotator, by name."""


class Unsettled(StrEnum):
    """Why an item has no label."""

    DISAGREEMENT = "disagreement"
    """One more person is asked."""
    NO_CONSENSUS = "no_consensus"
    """As many as may be asked have answered."""
    SKIPPED = "skipped"
    """Everybody skipped it."""
    WITHDRAWN = "withdrawn"
    """Answers were taken back."""
    ITEM_WITHDRAWN = "item_withdrawn"
    GOLD = "gold"
    """Its right answer is known: it measures people, and trains nothing."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What votes come to."""

    version: int
    arm: Arm
    reason: Unsettled | None
    """None where there is a label."""
    labels: tuple[str, ...] = ()
    result: Result = ()
    trust: float = 0.0
    annotators: int = 0
    agreement: float | None = None
    ask: int = 0
    """How many people adjudication wants, those who answered included; 0 is none."""


@dataclass(frozen=True, slots=True)
class Favourite:
    """The most probable answer."""

    labels: tuple[str, ...]
    result: Result
    probability: float


def outcome(
    task: TaskConfig, config: QualityConfig, votes: Sequence[Vote], trust: Trust, alike: Alike
) -> Outcome | None:
    """What the votes on one version of an item come to; None while people who were asked have not answered."""
    if not votes or len(votes) < task.annotators:
        return None
    version, arm = votes[0].version, min((vote.arm for vote in votes), key=lambda each: each.value)
    given = sum(vote.answer is not None for vote in votes)
    exhausted = len(votes) >= max(config.max_annotators, task.annotators)
    if not given:
        return Outcome(version, arm, Unsettled.SKIPPED)
    best = favourite(task, config, votes, trust, alike)
    agreement = agreeing_share(votes, alike)
    if best.probability >= config.threshold:
        return Outcome(version, arm, None, best.labels, best.result, best.probability, given, agreement)
    reason = Unsettled.NO_CONSENSUS if exhausted else Unsettled.DISAGREEMENT
    ask = 0 if exhausted else len(votes) + 1
    return Outcome(version, arm, reason, trust=best.probability, annotators=given, agreement=agreement, ask=ask)


def favourite(task: TaskConfig, config: QualityConfig, votes: Sequence[Vote], trust: Trust, alike: Alike) -> Favourite:
    """The most probable answer and how probable it is. At least one vote must hold an answer."""
    if task.kind is TaskKind.MULTI_LABEL:
        return _label_by_label(task, votes, trust)
    choices = possible_answers(task, config)
    found = camps(votes, alike, lambda vote: _log_odds(trust(vote.annotator), choices))
    every = _accuracies(votes, trust, choices)
    wrong = math.fsum(math.log((1 - p) / (choices - 1)) for _, p in every)
    scores = [wrong + math.fsum(_log_odds(trust(vote.annotator), choices) for vote in camp.votes) for camp in found]
    unsaid = max(choices - len(found), 0)
    best = max(range(len(found)), key=lambda place: scores[place])
    total = math.fsum([*(math.exp(score - scores[best]) for score in scores), unsaid * math.exp(wrong - scores[best])])
    speaker = found[best].speaker
    labels = speaker.answer.labels if task.kind is TaskKind.CLASS and speaker.answer else ()
    return Favourite(labels, speaker.result, 1 / total)


def _label_by_label(task: TaskConfig, votes: Sequence[Vote], trust: Trust) -> Favourite:
    """Each label is a question of its own with two answers; the least sure one says how sure the set is."""
    chosen, surest = [], 1.0
    accuracies = _accuracies(votes, trust, choices=2)
    for label in task.labels:
        odds = math.fsum(
            math.log(p / (1 - p)) * (1 if vote.answer and label in vote.answer.labels else -1) for vote, p in accuracies
        )
        probability = 1 / (1 + math.exp(-odds))
        surest = min(surest, max(probability, 1 - probability))
        if odds > 0:
            chosen.append(label)
    answer = Answer(labels=tuple(chosen))
    return Favourite(answer.labels, tuple(write_answer(task, answer)), surest)


def _accuracies(votes: Sequence[Vote], trust: Trust, choices: int) -> list[tuple[Vote, float]]:
    return [(vote, _bounded(trust(vote.annotator), choices)) for vote in votes if vote.answer is not None]


def _log_odds(accuracy: float, choices: int) -> float:
    """What a vote adds to its answer, against any other answer."""
    p = _bounded(accuracy, choices)
    return math.log(p * (choices - 1) / (1 - p))


def _bounded(accuracy: float, choices: int) -> float:
    return min(max(accuracy, 1 / choices), MOST_TRUSTED)


def standing_outcome(
    task: TaskConfig, config: QualityConfig, votes: Sequence[Vote], trust: Trust, alike: Alike
) -> Outcome | None:
    """What votes on several versions of an item come to: the newest version that comes to anything."""
    for version in sorted({vote.version for vote in votes}, reverse=True):
        found = outcome(task, config, [vote for vote in votes if vote.version == version], trust, alike)
        if found is not None:
            return found
    return None
