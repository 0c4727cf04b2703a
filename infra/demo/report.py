"""The demo's report, and the judgement whether it came out as it had to. Pure."""

from collections import Counter
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

from infra.demo.inputs import Planted
from schemas.annotations import Arm

LEAST_SEARCHES = 1000
"""While the wheel turns."""
FIRST_RANKS = 10
"""A search counts as answered if the expected item is among this many."""


class SearchOutcome(BaseModel):
    """A search and where the expected item was found; None if it was not."""

    query: str
    expected: str
    rank: int | None


class Freshness(BaseModel):
    """Seconds from publishing to index, while a backlog of everything at once is worked off."""

    p50: float
    p95: float


class Labels(BaseModel):
    """What annotators were asked and answered."""

    asked: int
    """Items."""
    answered: int
    """Answers that came back from Label Studio, each once."""
    given: int
    """Answers that the annotators know they gave."""
    settled: int
    """Items that have a label."""
    by_arm: dict[str, int]
    """Of the labels."""
    agreement: float | None
    """Share of agreeing pairs, over items that more than one person answered; None if there was none."""
    error_rate: float
    """At which the simulated annotators err."""
    accuracy: float | None
    """Share of the labels that are true."""


class Saved(BaseModel):
    """Labels saved by the selection, told by the random arm."""

    verdict: str
    share: float | None
    """Of the random arm's labels; None while there is no figure."""
    low: float | None
    high: float | None
    """95% interval."""
    n: int
    """Labels of the random arm that it is told by."""


class Turn(BaseModel):
    """One turn of the wheel: from labels to a better live model."""

    generation: int
    model: str
    cause: str
    """What asked for training."""
    metric: str
    """By which the gate judged, on items that never train."""
    before: float
    after: float
    low: float
    high: float
    """95% interval of the gain."""
    items: int
    """Of the evaluation side."""
    labels: dict[str, int]
    """In the snapshot, by arm: those of the random arm are the evaluation side."""
    seconds: dict[str, float]
    """From the request to the switch, by step."""


class Refused(BaseModel):
    """A degraded candidate at the gate."""

    model: str
    passed: bool
    """Must be false."""
    reasons: list[str]
    before: float
    after: float


class RolledBack(BaseModel):
    """The same candidate, forced through and sent back by the guardrails."""

    model: str
    generation: int
    back_generation: int
    reason: str
    seconds_to_live: float
    seconds_to_back: float
    """From the moment that it served until the former model served again."""


class SwitchTraffic(BaseModel):
    """Searches that ran all the time."""

    searches: int
    failed: int
    """Without a good answer; must be 0."""
    mixed: int
    """With a score that is not of the model that was named; must be 0."""
    by_model: dict[str, int]
    longest_gap_s: float
    """Between two good answers."""


class WheelTurned(BaseModel):
    """What the learning half did while people searched."""

    turns: list[Turn]
    refused: Refused
    rolled_back: RolledBack
    switch_traffic: SwitchTraffic


class Seconds(BaseModel):
    """Wall time of each step."""

    set_up: float
    start: float
    ingest: float
    labelling: float
    """From the first request to the last answer; it runs beside the ingest."""
    wheel: float
    """Two turns, the refused candidate and the one that was sent back."""
    total: float


class Report(WheelTurned):
    """`.millrace/demo/report.json`."""

    model_config = ConfigDict(frozen=True)

    versions: dict[str, str]
    published: dict[str, int]
    """By modality."""
    curated: int
    rejected: dict[str, int]
    """By reason."""
    dead_letters: int
    parked: int
    indexed: int
    withdrawn: int
    searches: list[SearchOutcome]
    withdrawn_item_found: bool
    """Whether the withdrawn item was still found; it must not be."""
    republished: int
    """Items sent when the same folder was published again; must be 0."""
    freshness_s: Freshness
    labels: Labels
    labels_saved: Saved
    signals: int
    """Items with a signal from searches and clicks."""
    seconds: Seconds


class Expected(BaseModel):
    """What the planted input must lead to."""

    published: dict[str, int]
    curated: int
    rejected: dict[str, int]
    dead_letters: int
    parked: int
    indexed: int


def expected_of(planted: Iterable[Planted], dead_records: int, parked_records: int) -> Expected:
    """What must become of the planted files, and of raw records planted as well."""
    planted = list(planted)
    accepted = [one for one in planted if one.reject is None]
    waiting = sum(one.park for one in accepted)
    return Expected(
        published=dict(Counter(one.modality.value for one in planted)),
        curated=len(accepted),
        rejected=dict(Counter(one.reject.value for one in planted if one.reject)),
        dead_letters=dead_records,
        parked=waiting + parked_records,
        indexed=len(accepted) - waiting,
    )


def faults(report: Report, expected: Expected) -> list[str]:
    """What is missing or wrong, in words; nothing if the demo did what it shows."""
    found = [
        f"{name}: {actual}, expected {wanted}"
        for name, wanted in expected.model_dump().items()
        if (actual := getattr(report, name)) != wanted
    ]
    found += [
        f"search {one.query!r}: {one.expected} is not among the first {FIRST_RANKS}"
        for one in report.searches
        if one.rank is None or one.rank > FIRST_RANKS
    ]
    if report.withdrawn != 1 or report.withdrawn_item_found:
        found.append("the withdrawn item is still found, or its withdrawal was not recorded")
    found += list(_label_faults(report.labels))
    if not report.signals:
        found.append("no signal came of the searches and clicks")
    found += list(_wheel_faults(report))
    if report.republished:
        found.append(f"publishing the same folder again sent {report.republished} items")
    return found


def _label_faults(labels: Labels) -> Iterable[str]:
    if labels.answered != labels.given:
        yield f"labels: {labels.given} answers were given, {labels.answered} came back"
    if not all(labels.by_arm.get(arm.value) for arm in Arm):
        yield f"labels: both arms must have some, there are {labels.by_arm}"
    if labels.accuracy is None or labels.accuracy < 1 - 3 * labels.error_rate:
        yield f"labels: {labels.accuracy} of them are true, though annotators err at {labels.error_rate}"


def _wheel_faults(report: Report) -> Iterable[str]:
    if len(report.turns) < 2:
        yield f"the wheel turned {len(report.turns)} times, not twice"
    for turn in report.turns:
        if turn.low <= 0:
            yield f"generation {turn.generation} is not shown to be better: {turn.metric} {turn.low:+} to {turn.high:+}"
    if report.refused.passed:
        yield "the gate let a degraded model through"
    if report.rolled_back.back_generation != report.rolled_back.generation + 1:
        yield "the forced model was not sent back"
    traffic = report.switch_traffic
    if traffic.failed or traffic.mixed or traffic.searches < LEAST_SEARCHES:
        yield f"of {traffic.searches} searches {traffic.failed} failed and {traffic.mixed} were mixed"
