"""How a task goes: how far people agree, how good each of them is, and what became of the items."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median
from typing import Any

from pydantic_core import from_json
from sqlalchemy import Connection, Engine, Row, and_, select

from annotation.label_studio.templates.reading import read_answer
from annotation.quality.config import QualityConfig
from annotation.quality.measures.agreement import agreeing_pairs, cohen_kappa, fleiss_kappa, krippendorff_alpha
from annotation.quality.memory.rows import person
from annotation.quality.rule.answers import in_words
from annotation.quality.rule.trust import Tally, trust
from annotation.quality.tables import annotations, annotator_tallies
from annotation.tasks import TaskConfig
from models.labels.tables import settled_labels
from schemas.annotations import Purpose
from streams.errors import Refusal

Said = Mapping[str, Mapping[str, str]]
"""What each person said of each item: item, then annotator."""
Rows = Sequence[Row[tuple[Any, ...]]]
"""Answers as they stand."""


@dataclass(frozen=True, slots=True)
class AnnotatorReport:
    """One annotator in one task."""

    annotator: str
    answers: int
    skips: int
    adjudications: int
    """Answers to items about which others disagreed."""
    gold_asked: int
    gold_right: int
    peers_met: int
    peers_agreed: int
    kappa: float | None
    """Cohen's, with the others: the mean over them, weighted by common items."""
    trust: float
    median_s: float | None
    """Median time of an answer."""

    @property
    def gold_accuracy(self) -> float | None:
        """None where no gold task was answered."""
        return self.gold_right / self.gold_asked if self.gold_asked else None


@dataclass(frozen=True, slots=True)
class TaskReport:
    """One task. Agreement is None where nobody can be compared, or where the task has no classes."""

    tenant: str
    task: str
    items: int
    """That somebody answered."""
    answers: int
    skips: int
    labels: int
    unsettled: dict[str, int]
    """Items without a label, by reason."""
    adjudicated: int
    """Items for which one more person was asked."""
    agreement: float | None
    """Share of agreeing pairs of answers."""
    alpha: float | None
    """Krippendorff's, over all items with two answers or more."""
    fleiss: float | None
    """Fleiss' kappa, over the items that as many people answered as most."""
    annotators: tuple[AnnotatorReport, ...]


def task_report(engine: Engine, task: TaskConfig, config: QualityConfig) -> TaskReport:
    """Counts everything anew from the answers as they stand."""
    with engine.execution_options(reading=True).connect() as connection:
        rows = _answers(connection, task)
        unsettled, labels, adjudicated = _standings(connection, task)
        tallies = _tallies(connection, task)
    said = _said(task, rows)
    answers = [list(each.values()) for each in said.values()]
    people = sorted({row.annotator for row in rows})
    return TaskReport(
        tenant=task.tenant,
        task=task.name,
        items=len({row.item_id for row in rows}),
        answers=sum(not row.skipped for row in rows),
        skips=sum(row.skipped for row in rows),
        labels=labels,
        unsettled=unsettled,
        adjudicated=adjudicated,
        agreement=_pair_agreement(answers),
        alpha=krippendorff_alpha(answers),
        fleiss=_fleiss(answers),
        annotators=tuple(_annotator(name, rows, said, tallies.get(name, Tally()), config) for name in people),
    )


def _annotator(name: str, rows: Rows, said: Said, tally: Tally, config: QualityConfig) -> AnnotatorReport:
    theirs = [row for row in rows if row.annotator == name]
    times = [row.lead_time_s for row in theirs if row.lead_time_s is not None]
    return AnnotatorReport(
        annotator=name,
        answers=sum(not row.skipped for row in theirs),
        skips=sum(row.skipped for row in theirs),
        adjudications=sum(row.purpose == Purpose.ADJUDICATION for row in theirs),
        gold_asked=tally.gold_asked,
        gold_right=tally.gold_right,
        peers_met=tally.peers_met,
        peers_agreed=tally.peers_agreed,
        kappa=_kappa_with_others(name, said),
        trust=trust(tally, config),
        median_s=median(times) if times else None,
    )


def _answers(connection: Connection, task: TaskConfig) -> Rows:
    ours = and_(
        annotations.c.tenant == task.tenant,
        annotations.c.task == task.name,
        annotations.c.withdrawn.is_(False),
        annotations.c.annotator.is_not(None),
    )
    return connection.execute(select(annotations).where(ours)).all()


def _said(task: TaskConfig, rows: Rows) -> Said:
    """Gold is left out: that people agree about the right answer says nothing about hard items."""
    said: dict[str, dict[str, str]] = defaultdict(dict)
    for row in rows:
        if row.purpose != Purpose.GOLD and not row.skipped and (words := _words(task, row.result)) is not None:
            said[row.item_id][row.annotator] = words
    return said


def _standings(connection: Connection, task: TaskConfig) -> tuple[dict[str, int], int, int]:
    ours = and_(settled_labels.c.tenant == task.tenant, settled_labels.c.task == task.name)
    rows = connection.execute(select(settled_labels.c.reason, settled_labels.c.asked).where(ours)).all()
    reasons = Counter(row.reason for row in rows)
    labels = reasons.pop(None, 0)
    return dict(sorted(reasons.items())), labels, sum(row.asked > 0 for row in rows)


def _tallies(connection: Connection, task: TaskConfig) -> dict[str, Tally]:
    ours = and_(annotator_tallies.c.tenant == task.tenant, annotator_tallies.c.task == task.name)
    return {row.annotator: person(row).tally for row in connection.execute(select(annotator_tallies).where(ours))}


def _words(task: TaskConfig, result: str) -> str | None:
    try:
        return in_words(read_answer(task, from_json(result)))
    except Refusal:
        return None


def _pair_agreement(answers: Iterable[list[str]]) -> float | None:
    """Over all pairs of answers to one item, so that items with more answers count more."""
    shares = [(agreeing_pairs(each), len(each) * (len(each) - 1)) for each in answers]
    pairs = sum(count for share, count in shares if share is not None)
    return sum(share * count for share, count in shares if share is not None) / pairs if pairs else None


def _fleiss(answers: list[list[str]]) -> float | None:
    sizes = Counter(len(each) for each in answers if len(each) > 1)
    if not sizes:
        return None
    [(usual, _)] = sizes.most_common(1)
    return fleiss_kappa([Counter(each) for each in answers if len(each) == usual])


def _kappa_with_others(name: str, said: Said) -> float | None:
    pairs: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for answers in said.values():
        for one, other in combinations(sorted(answers), 2):
            if name in (one, other):
                peer = other if one == name else one
                pairs[peer].append((answers[name], answers[peer]))
    kappas = [(cohen_kappa(*zip(*both, strict=True)), len(both)) for both in pairs.values()]
    known = [(kappa, count) for kappa, count in kappas if kappa is not None]
    total = sum(count for _, count in known)
    return sum(kappa * count for kappa, count in known) / total if total else None
