"""What consensus knows in one micro-batch: reads facts one by one, and says what follows from each.

Everything a label depends on is a function of the answers as they stand, so the order in which facts come makes no
difference to where labels end. One thing lags behind on purpose: when the trust in an annotator moves, labels that
rest on their older answers are judged anew by later sweeps, some at a time.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from uuid import UUID, uuid5

from annotation.label_studio.templates.answers import Answer
from annotation.label_studio.templates.reading import read_answer
from annotation.quality.config import QualityConfig
from annotation.quality.ledger.answered import Answered, with_fact
from annotation.quality.ledger.facts import adjudication, label_fact, said, standing
from annotation.quality.ledger.pages import ItemKey, Pages, Person, PersonKey, Withdrawal
from annotation.quality.rule.answers import alike
from annotation.quality.rule.consensus import Outcome, Unsettled, standing_outcome
from annotation.quality.rule.trust import Tally, evidence, trust
from annotation.quality.rule.votes import Vote
from annotation.tasks import TaskConfig
from models.labels.store import Result
from schemas.annotations import AnnotationFact, Arm, Purpose
from schemas.event import Event
from schemas.items import ItemWithdrawn, WithdrawalMode
from streams.errors import BadRecord, Refusal

UNKNOWN_MODEL = "unknown"
_SWEEPS = UUID("7c1d0f5e-8d55-4f0e-9d1a-5b9e4c1a3f60")
"""Namespace of facts that follow from no single record."""


class Book:
    """Pages that change as facts are read. Not shared between threads."""

    def __init__(self, tasks: Iterable[TaskConfig], config: QualityConfig, pages: Pages) -> None:
        self.pages = pages
        self._tasks = {(task.tenant, task.name): task for task in tasks}
        self._config = config
        self._of_item: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
        for key, answered in pages.answers.items():
            self._of_item[answered.tenant, answered.item_id].add(key)

    def read(self, fact: AnnotationFact) -> list[Event]:
        """What follows from a fact about an annotation. Raises BadRecord if it contradicts an earlier one."""
        key, item = (fact.tenant, fact.annotation_key), (fact.tenant, fact.task, fact.item_id)
        before = self.pages.answers.get(key)
        if before and (before.task, before.item_id) != (fact.task, fact.item_id):
            raise BadRecord("annotation_moved", f"{fact.annotation_key} was about item {before.item_id[:100]}")
        after = self._kept(with_fact(before, fact))
        if after == before:
            return []

        def change() -> None:
            self.pages.answers[key] = after
            self._of_item[fact.tenant, fact.item_id].add(key)

        self._weigh([item], change)
        return self.judge(item, fact, after.answered_at_ms)

    def withdraw(self, fact: ItemWithdrawn) -> list[Event]:
        """What follows from the withdrawal of an item."""
        place, version = (fact.tenant, fact.item_id), -1 if fact.version is None else fact.version
        before = self.pages.withdrawals.get(place, Withdrawal())
        erased = version if fact.mode == WithdrawalMode.ERASE else -1
        after = Withdrawal(max(before.version, version), max(before.erased, erased))
        if after == before:
            return []
        items = [(tenant, task, fact.item_id) for tenant, task in self._tasks if tenant == fact.tenant]

        def change() -> None:
            self.pages.withdrawals[place] = after
            for key in self._of_item[place]:
                self.pages.answers[key] = self._kept(self.pages.answers[key])

        self._weigh(items, change)
        at_ms = int(fact.occurred_at.timestamp() * 1000)
        return [event for item in items for event in self.judge(item, fact, at_ms)]

    def set_gold(self, item: ItemKey, result: Result | None, at_ms: int) -> list[Event]:
        """What follows once an item's right answer is known, is another, or is forgotten."""

        def change() -> None:
            self.pages.gold.pop(item, None)
            if result is not None:
                self.pages.gold[item] = result

        self._weigh([item], change)
        return self.judge(item, None, at_ms)

    def judge(self, item: ItemKey, cause: Event | None, at_ms: int) -> list[Event]:
        """Where the label of an item stands now; without a cause a mere change of its trust is noted in silence."""
        found, before = self._outcome(item), self.pages.standings.get(item)
        if found is None:
            return []
        same_version = before is not None and before.version == found.version
        asked = before.asked if before and same_version else 0
        after = standing(item, found, asked, before.revision if before else 0, before.at_ms if before else at_ms)
        told = before is None or said(after) != said(before)
        if cause is not None and after.reason is None:
            told = told or after != before
        ask = found.ask if found.ask > asked else 0
        after = replace(after, revision=after.revision + told, at_ms=at_ms if told else after.at_ms)
        after = replace(after, asked=max(asked, ask))
        if after == before:
            return []
        self.pages.standings[item] = after
        cause = cause or Event(event_id=uuid5(_SWEEPS, f"{'/'.join(item)}/{after.revision}"))
        events = [label_fact(cause, after)] if told else []
        return [*events, adjudication(cause, after, self._model_shown(item))] if ask else events

    def move(self, person: PersonKey) -> None:
        """Takes up the trust that the tally and the settings now make of somebody."""
        known = self.pages.people.get(person) or self._newcomer()
        if (now := trust(known.tally, self._config)) != known.trust:
            known = replace(known, trust=now, moves=known.moves + 1)
        self.pages.people[person] = known

    def _weigh(self, items: Iterable[ItemKey], change: Callable[[], None]) -> None:
        """Makes a change, and moves the tallies by what it does to the evidence on these items."""
        items = list(items)
        before = {item: self._evidence(item) for item in items}
        change()
        for item in items:
            after = self._evidence(item)
            for name in sorted({*before[item], *after}):
                gained = after.get(name, Tally()) - before[item].get(name, Tally())
                if gained != Tally():
                    person = (item[0], item[1], name)
                    known = self.pages.people.get(person) or self._newcomer()
                    self.pages.people[person] = replace(known, tally=known.tally + gained)
                    self.move(person)

    def _newcomer(self) -> Person:
        return Person(Tally(), trust(Tally(), self._config))

    def _evidence(self, item: ItemKey) -> dict[str, Tally]:
        if (task := self._tasks.get(item[:2])) is None:
            return {}
        gold = self._gold(task, item)
        votes = list(self._votes(task, item, with_gold=gold is not None))
        newest = max((vote.version for vote in votes), default=0)
        current = [vote for vote in votes if gold is not None or vote.version == newest]
        return evidence(current, gold, alike(task, self._config))

    def _outcome(self, item: ItemKey) -> Outcome | None:
        if (task := self._tasks.get(item[:2])) is None:
            return None
        votes = list(self._votes(task, item, with_gold=False))
        if votes and self._gold(task, item) is not None:
            return Outcome(votes[0].version, votes[0].arm, Unsettled.GOLD)
        found = standing_outcome(task, self._config, votes, self._trust_in(item), alike(task, self._config))
        return found or self._loss(item)

    def _loss(self, item: ItemKey) -> Outcome | None:
        """Why there is nothing to judge where there once was."""
        asked = [one for one in self._answers(item) if one.arm is not None and one.purpose != Purpose.GOLD]
        dead = [one for one in asked if one.version <= self._withdrawal(item).version]
        lost = dead or [one for one in asked if one.withdrawn]
        if not lost:
            return None
        newest = max(lost, key=lambda one: (one.version, one.annotation_key))
        reason = Unsettled.ITEM_WITHDRAWN if dead else Unsettled.WITHDRAWN
        return Outcome(newest.version, Arm(newest.arm or Arm.ACTIVE), reason)

    def _votes(self, task: TaskConfig, item: ItemKey, with_gold: bool) -> Iterator[Vote]:
        """One vote a person and version: of several annotations the one with the highest revision and key."""
        withdrawn = self._withdrawal(item).version
        found: dict[tuple[str, int], Answered] = {}
        for one in sorted(self._answers(item), key=lambda one: (one.revision, one.annotation_key)):
            if one.counts and one.version > withdrawn and (with_gold or one.purpose != Purpose.GOLD):
                found[one.annotator or "", one.version] = one
        for (annotator, version), one in sorted(found.items()):
            answer = None if one.skipped else _readable(task, one.result)
            yield Vote(annotator, answer, version, Arm(one.arm or Arm.ACTIVE), one.annotation_key, one.result)

    def _answers(self, item: ItemKey) -> Iterator[Answered]:
        answers = (self.pages.answers[key] for key in self._of_item[item[0], item[2]])
        return (one for one in answers if one.task == item[1])

    def _gold(self, task: TaskConfig, item: ItemKey) -> Answer | None:
        result = self.pages.gold.get(item)
        return None if result is None else _readable(task, result)

    def _model_shown(self, item: ItemKey) -> str:
        return max((one.prelabel for one in self._answers(item) if one.prelabel), default=UNKNOWN_MODEL)

    def _kept(self, answered: Answered) -> Answered:
        place = (answered.tenant, answered.item_id)
        erased = answered.version <= self.pages.withdrawals.get(place, Withdrawal()).erased
        return replace(answered, result=()) if erased else answered

    def _withdrawal(self, item: ItemKey) -> Withdrawal:
        return self.pages.withdrawals.get((item[0], item[2]), Withdrawal())

    def _trust_in(self, item: ItemKey) -> Callable[[str], float]:
        newcomer = self._newcomer()
        return lambda name: self.pages.people.get((item[0], item[1], name), newcomer).trust


def _readable(task: TaskConfig, result: Result) -> Answer | None:
    """Answers are checked as they come in; one that newer settings of the task do not allow counts as a skip."""
    try:
        return read_answer(task, result)
    except Refusal:
        return None
