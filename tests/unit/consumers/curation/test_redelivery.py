"""A record that comes again gets the very same outcome, whatever has happened in between."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from consumers.curation.claims import Claims
from consumers.curation.config import CurationConfig
from consumers.curation.stage import curation_stage
from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from schemas.items import ItemPublished, ItemWithdrawn
from streams.media.store import MediaStore
from streams.stage import BatchStage, Incoming, Outcome
from tests.unit.consumers.curation.builders import incoming

TEXTS = ("The wheel turns.", "The stone grinds.", "")
FACTS = st.one_of(
    st.builds(ItemPublished, item_id=st.sampled_from("abcd"), text=st.sampled_from(TEXTS)),
    st.builds(ItemWithdrawn, item_id=st.sampled_from("abcd")),
)
STEPS = st.lists(st.tuples(st.integers(1, 5), st.integers(0, 4), st.booleans()), min_size=12, max_size=12)
"""Per batch: records read from the first and the second partition, and whether the commit of offsets is lost."""


def new_stage() -> BatchStage:
    claims = Claims(open_engine(MetadataConfig(url="sqlite:///:memory:")))
    claims.create_tables()
    with TemporaryDirectory() as folder:
        return curation_stage(CurationConfig(workers=1), MediaStore.open(Path(folder)), claims)


def partitioned(records: list[tuple[ItemPublished | ItemWithdrawn, int]]) -> list[list[Incoming]]:
    """Two partitions; an item always lies in the same. Some records are replayed: they first lay further ahead."""
    partitions: list[list[Incoming]] = [[], []]
    for fact, back in records:
        number = ord(fact.item_id) % 2
        place = len(partitions[number])
        partitions[number].append(incoming(fact, max(0, place - back), number))
    return partitions


@given(st.lists(st.tuples(FACTS, st.sampled_from((0, 0, 0, 1, 6))), min_size=4, max_size=40), STEPS)
def test_a_crash_between_state_and_commit_repeats_the_outcomes(
    records: list[tuple[ItemPublished | ItemWithdrawn, int]], steps: list[tuple[int, int, bool]]
) -> None:
    stage, log, committed = new_stage(), partitioned(records), [0, 0]
    seen: dict[tuple[int, int], Outcome] = {}
    for *sizes, lost in steps:
        reached = [min(committed[n] + sizes[n], len(log[n])) for n in (0, 1)]
        places = [(n, at) for n in (0, 1) for at in range(committed[n], reached[n])]
        outcomes = stage.handle([log[n][at] for n, at in places])
        assert [seen.setdefault(*one) for one in zip(places, outcomes, strict=True)] == list(outcomes)
        if not lost:
            committed = reached


@given(st.lists(FACTS, min_size=4, max_size=40), st.integers(0, 39), st.integers(1, 7))
def test_a_replay_from_anywhere_repeats_the_outcome_of_every_newest_version(
    facts: list[ItemPublished | ItemWithdrawn], start: int, size: int
) -> None:
    stage, log = new_stage(), [incoming(fact, offset) for offset, fact in enumerate(facts)]
    newest = {one.fact.item_id: one.origin.offset for one in log}  # type: ignore[attr-defined]
    first = [outcome for at in range(0, len(log), size) for outcome in stage.handle(log[at : at + size])]
    replayed = range(min(start, len(log)), len(log))
    again = [outcome for at in replayed[::size] for outcome in stage.handle(log[at : at + size])]
    for offset in newest.values():
        if offset in replayed:
            assert described(again[offset - replayed.start]) == described(first[offset])


def described(outcome: Outcome) -> list[dict[str, object]]:
    """Everything but the time of the decision, which only an answer that is still kept can repeat."""
    assert isinstance(outcome, list | tuple)
    return [event.model_dump(exclude={"occurred_at"}) for event in outcome]
