"""Facts may come in any order and any number of times; the labels end the same."""

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from annotation.quality.config import QualityConfig
from annotation.quality.gold import GoldAnswers, chosen
from annotation.quality.tables import annotator_tallies
from models.labels.tables import settled_labels
from schemas.event import Event
from tests.unit.annotation.quality.spoken import (
    LABELS,
    Mill,
    changed,
    completed,
    database,
    item_withdrawn,
    task,
    withdrawn,
)

PEOPLE = ("ann", "bob", "eve")
ITEMS = ("a", "b", "c", "g")
SAID = st.sampled_from([*LABELS, None])
CONFIG = QualityConfig(prior_right=3, prior_wrong=1, threshold=0.6, max_annotators=3, sweep_items=2)


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """What people did: each answered some items, changed their mind here and there, and took some answers back."""
    facts: list[Event] = []
    for item in ITEMS:
        for who in draw(st.sets(st.sampled_from(PEOPLE))):
            version = draw(st.sampled_from([3, 3, 4]))
            facts.append(completed(item, who, draw(SAID), version=version))
            if draw(st.booleans()):
                facts.append(changed(item, who, draw(SAID), version=version))
            if draw(st.integers(0, 4)) == 0:
                facts.append(withdrawn(item, who, version=version))
    if draw(st.booleans()):
        facts.append(item_withdrawn(draw(st.sampled_from(ITEMS))))
    return facts


def end_state(batches: list[list[Event]]) -> tuple[object, object]:
    """Where labels and tallies stand once the facts are read and every sweep is through."""
    engine = database()
    try:
        GoldAnswers(engine, task(annotators=2)).add([("g", chosen(task(), ["arts"]))])
        mill = Mill(engine, task(annotators=2), config=CONFIG)
        for batch in batches:
            mill.told(*batch)
            mill.tick()
        for _ in range(40):
            mill.tick()
        history = {"revision", "change", "asked", "settled_at_ms"}
        ours = [column for column in settled_labels.c if column.name not in history]
        counts = [annotator_tallies.c[name] for name in ("annotator", "gold_asked", "gold_right", "peers_met", "trust")]
        with engine.connect() as connection:
            labels = connection.execute(select(*ours).order_by(settled_labels.c.item_id)).all()
            people = connection.execute(select(*counts).order_by(annotator_tallies.c.annotator)).all()
        return labels, [tuple(row) for row in people if any(row[1:4])]
    finally:
        engine.dispose()


@settings(max_examples=25)
@given(histories(), st.data())
def test_any_order_and_repetition_of_the_same_facts_ends_in_the_same_labels(
    facts: list[Event], data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(facts), max_size=6)) if facts else []
    shuffled = data.draw(st.permutations([*facts, *again]))
    cut = data.draw(st.integers(0, len(shuffled)))
    assert end_state([shuffled[:cut], shuffled[cut:]]) == end_state([facts])
