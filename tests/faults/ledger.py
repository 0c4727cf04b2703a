"""What was sent, and what must therefore be true in the end. Shares no code with what it judges.

The model is small because the promise is: the version of an item is the offset of its record, the highest version says
whether the item lives and with which words, and every record has one outcome.
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.plan import Kind, Operation

SET_ASIDE = {Kind.MALFORMED: "dead", Kind.FUTURE: "parked"}
OUTCOMES = {Kind.PUBLISH: "curated", Kind.REFUSED: "rejected", Kind.WITHDRAW: "withdrawn", Kind.TWIN: "either"}

Version = tuple[str, int]
"""An item and the offset of a record of it."""


@dataclass(frozen=True, slots=True)
class Written:
    """A record as it lies in items.raw."""

    partition: int
    offset: int
    operation: int


@dataclass(frozen=True, slots=True)
class Expected:
    """What follows from the log."""

    missing: list[int]
    """Operations that were acknowledged and are not in the log."""
    live: dict[str, tuple[int, str]]
    """Items that must be found: version and words."""
    gone: frozenset[str]
    """Items that must not be found."""
    twins: list[dict[str, tuple[int, str]]]
    """Groups of items of the same content, of which exactly one must be found."""
    outcomes: dict[Version, str]
    """Of every readable record: curated, rejected, withdrawn, or either of the first two."""
    dead: frozenset[str]
    """Places of records that must lie in curation's dead letters, as `partition/offset`."""
    parked: frozenset[str]


@dataclass
class Ledger:
    """Operations sent and acknowledged. Also kept in a file, for reading after a failure."""

    operations: dict[int, Operation]
    file: Path
    acknowledged: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, operations: Iterable[Operation], file: Path) -> "Ledger":
        return cls({operation.number: operation for operation in operations}, file)

    def acknowledge(self, number: int) -> None:
        self.acknowledged.add(number)

    def expected(self, log: Iterable[Written]) -> Expected:
        """The outcome of what really lies in the log, in its order."""
        records = sorted(log, key=lambda record: (record.partition, record.offset))
        with self.file.open("w") as file:
            for record in records:
                operation = self.operations[record.operation]
                line = [record.partition, record.offset, operation.number, operation.kind, operation.item]
                file.write(json.dumps(line) + "\n")
        return expected(self.operations, self.acknowledged, records)


def expected(operations: dict[int, Operation], acknowledged: set[int], records: Iterable[Written]) -> Expected:
    """The fold: every record in the order of the log, later ones over earlier ones."""
    last: dict[str, tuple[int, Operation]] = {}
    outcomes: dict[Version, str] = {}
    aside: dict[str, set[str]] = {"dead": set(), "parked": set()}
    seen: set[int] = set()
    for record in records:
        seen.add(record.operation)
        operation = operations[record.operation]
        if operation.kind is Kind.REPLAY:
            continue  # keeps its first version, so it changes nothing
        if operation.kind in SET_ASIDE:
            aside[SET_ASIDE[operation.kind]].add(f"{record.partition}/{record.offset}")
            continue
        said = operations[operation.of] if operation.kind is Kind.REPEAT and operation.of is not None else operation
        outcomes[operation.item, record.offset] = OUTCOMES[said.kind]
        last[operation.item] = (record.offset, said)
    return Expected(
        missing=sorted(acknowledged - seen),
        live={i: (v, said.text) for i, (v, said) in last.items() if said.kind is Kind.PUBLISH and said.text},
        gone=frozenset(i for i, (_, said) in last.items() if said.kind in (Kind.REFUSED, Kind.WITHDRAW)),
        twins=_twins(last),
        outcomes=outcomes,
        dead=frozenset(aside["dead"]),
        parked=frozenset(aside["parked"]),
    )


def _twins(last: dict[str, tuple[int, Operation]]) -> list[dict[str, tuple[int, str]]]:
    groups: dict[str, dict[str, tuple[int, str]]] = defaultdict(dict)
    for item, (version, said) in last.items():
        if said.kind is Kind.TWIN and said.text:
            groups[said.text][item] = (version, said.text)
    return list(groups.values())
