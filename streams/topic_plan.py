"""What `topics plan` shows: the difference between the manifest and a cluster, as steps. Pure.

Partitions may grow, settings may change; a topic that assigns versions (`items.raw`) keeps its partition count for
ever, because an item that moved to another partition would see its versions start anew.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from streams.errors import Misconfigured
from streams.topics import FOREVER_MS, LETTER_BYTES, LOOP, dead_letter_topic, parked_topic


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic as it should be, or as it is."""

    name: str
    partitions: int
    settings: Mapping[str, str]
    fixed_partitions: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One change to a cluster. `partitions` is None where they stay, `settings` holds only what changes."""

    topic: str
    create: bool
    partitions: int | None
    settings: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        changes = [] if self.partitions is None else [f"partitions={self.partitions}"]
        changes += [f"{name}={value}" for name, value in sorted(self.settings.items())]
        return f"{'create' if self.create else 'change'} {self.topic} {' '.join(changes)}"


def manifest(prefix: str, stages: Iterable[str]) -> list[TopicState]:
    """Every topic that an installation needs: the loop's, and two for the letters of each stage."""
    loop = [
        TopicState(
            topic.full_name(prefix),
            topic.partitions,
            _settings(topic.retention_ms, topic.compacted, topic.max_record_bytes),
            topic.fixed_partitions,
        )
        for topic in LOOP
    ]
    letters = [name(prefix, stage) for stage in stages for name in (dead_letter_topic, parked_topic)]
    return loop + [TopicState(name, 1, _settings(FOREVER_MS, True, LETTER_BYTES)) for name in letters]


def plan(wanted: Iterable[TopicState], present: Mapping[str, TopicState]) -> list[Step]:
    """The steps from what is present to what is wanted. Raises Misconfigured for a step that would break versions."""
    return [step for topic in wanted if (step := _step(topic, present.get(topic.name))) is not None]


def _settings(retention_ms: int, compacted: bool, max_record_bytes: int) -> dict[str, str]:
    return {
        "cleanup.policy": "compact" if compacted else "delete",
        "retention.ms": str(retention_ms),
        "max.message.bytes": str(max_record_bytes + 1024),  # a batch's own framing
    }


def _step(wanted: TopicState, present: TopicState | None) -> Step | None:
    if present is None:
        return Step(wanted.name, True, wanted.partitions, wanted.settings)
    if wanted.fixed_partitions and wanted.partitions != present.partitions:
        raise Misconfigured(
            f"{wanted.name} has {present.partitions} partitions and the manifest asks for {wanted.partitions}: "
            "its partitions assign versions and can never change; publish to a new prefix instead"
        )
    grows = wanted.partitions if wanted.partitions > present.partitions else None
    changed = {name: value for name, value in wanted.settings.items() if present.settings.get(name) != value}
    return Step(wanted.name, False, grows, changed) if grows or changed else None
