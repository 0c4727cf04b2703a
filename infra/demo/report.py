"""The demo's report, and the judgement whether it came out as it had to. Pure."""

from collections import Counter
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

from infra.demo.inputs import Planted
from schemas.annotations import Arm

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


class Seconds(BaseModel):
    """Wall time of each step."""

    set_up: float
    start: float
    ingest: float
    labelling: float
    """From the first request to the last answer; it runs beside the ingest."""
    total: float


class Report(BaseModel):
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
