"""Which stages share a process on one machine. Data, not code: change the lists, not the program.

Everything that touches an embedded index sits in `search`, because such an index has one owner process.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Placed:
    """A process and what runs in it: each stage in a thread of its own, and perhaps the API."""

    name: str
    stages: tuple[str, ...]
    api: bool = False
    labelling: bool = False
    """It has nothing to do, and is not started, while no labelling task is set."""


LAPTOP: tuple[Placed, ...] = (
    Placed("search", ("indexing", "scoring", "selection", "rollout", "guardrails"), api=True),
    Placed("curation", ("curation",)),
    Placed("embedding", ("embedding",)),
    Placed("training", ("catalogue", "training", "evaluation")),
    Placed("signals", ("signals", "triggers", "mining")),
    Placed("bridge", ("bridge", "consensus"), labelling=True),
    Placed("recording", ("recording",)),
)

STAGES: tuple[str, ...] = tuple(stage for placed in LAPTOP for stage in placed.stages)
"""Every stage that runs; each has a consumer group, a dead-letter topic and a topic for parked records."""

PROCESSES: dict[str, Placed] = {placed.name: placed for placed in LAPTOP}


def placement(labelling: bool) -> tuple[Placed, ...]:
    """The processes that run, with or without labelling tasks."""
    return tuple(placed for placed in LAPTOP if labelling or not placed.labelling)


def home_of(stage: str) -> str:
    """The name of the process that runs a stage. Raises StopIteration for a stage that nobody runs."""
    return next(placed.name for placed in LAPTOP if stage in placed.stages)
