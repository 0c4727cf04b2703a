"""The join: what counts, when it is told, and that order does not matter."""

from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.signals.measures.click_rates import ClickRates
from consumers.signals.measures.items import ItemSignals
from consumers.signals.measures.negatives import hard_negatives
from consumers.signals.measures.queries import FailedQueries
from consumers.signals.windows import Fate, Spans, Windows
from schemas.event import Event
from schemas.searches import FeedbackGiven, SearchServed
from schemas.signals import ClickRateMeasured, HardNegativeMined
from tests.unit.consumers.signals.builders import START_MS, feedback, final, search

WIDTH, GRACE = 60_000, 10_000
END = START_MS + WIDTH
CLOSED = END + GRACE


def windows(max_open: int = 1000, closed_ms: int = 0) -> Windows[int]:
    measures = (ItemSignals(), FailedQueries(), ClickRates())
    return Windows(Spans(WIDTH, GRACE), measures, hard_negatives, max_open, closed_ms)


def counted(state: Windows[int], fact: Event, logged_ms: int, place: int = 0) -> Fate:
    if isinstance(fact, SearchServed):
        return state.search(fact, START_MS + logged_ms, place)[0][0]
    assert isinstance(fact, FeedbackGiven)
    return state.feedback(fact, START_MS + logged_ms, place)


def rates(facts: Iterable[Event]) -> list[tuple[int, int, int]]:
    return [(one.searches, one.clicked, one.revision) for one in facts if isinstance(one, ClickRateMeasured)]


def test_nothing_is_told_before_a_window_has_ended() -> None:
    state = windows()
    counted(state, search("s", 5), 5)
    assert state.due(END - 1) == []
    assert rates(state.due(END)) == [(1, 0, 1)]


def test_what_has_not_changed_is_not_told_again() -> None:
    state = windows()
    counted(state, search("s"), 0)
    assert state.due(END)
    assert state.due(END + 1) == []


def test_feedback_within_the_grace_is_told_with_a_higher_revision() -> None:
    state = windows()
    counted(state, search("s"), 0)
    assert rates(state.due(END)) == [(1, 0, 1)]
    assert counted(state, feedback("s"), WIDTH + GRACE) is Fate.COUNTED
    assert rates(state.due(END)) == [(1, 1, 2)]


def test_feedback_after_the_grace_is_late_and_changes_nothing() -> None:
    state = windows()
    counted(state, search("s"), 0)
    state.due(END)
    assert counted(state, feedback("s"), WIDTH + GRACE + 1) is Fate.LATE
    assert state.due(END) == []


def test_a_search_that_reached_the_log_after_the_grace_is_late() -> None:
    assert counted(windows(), search("s"), WIDTH + GRACE + 1) is Fate.LATE


def test_a_search_from_the_future_never_opens_a_window() -> None:
    state = windows()
    assert counted(state, search("s", ms=10 * WIDTH), 0) is Fate.EARLY
    assert state.open == 0


def test_the_same_event_again_has_no_effect() -> None:
    state = windows()
    for _ in range(2):
        counted(state, search("s"), 0)
        counted(state, feedback("s"), 10)
    assert counted(state, feedback("s"), 20) is Fate.REPEATED
    assert rates(state.due(END)) == [(1, 1, 2)]


def test_feedback_read_before_its_search_waits_for_it() -> None:
    state = windows()
    assert counted(state, feedback("s"), 10) is Fate.WAITING
    counted(state, search("s"), 0)
    assert rates(state.due(END)) == [(1, 1, 2)]


def test_feedback_whose_search_never_comes_is_let_go() -> None:
    state = windows()
    counted(state, feedback("s"), 0, place=7)
    closed = state.close(START_MS + 2 * WIDTH + GRACE)
    assert (closed.places, closed.unmatched, state.open) == ([7], 1, 0)


def test_nobody_reacts_to_what_another_tenant_was_shown() -> None:
    state = windows()
    counted(state, search("s"), 0)
    assert counted(state, feedback("s", tenant="other"), 10) is Fate.UNMATCHED
    assert rates(state.due(END)) == [(1, 0, 1)]


def test_a_closed_window_hands_back_where_its_events_were_read() -> None:
    state = windows()
    counted(state, search("s"), 0, place=1)
    counted(state, feedback("s"), 5, place=2)
    counted(state, feedback("s"), 6, place=3)
    assert state.close(CLOSED - 1).places == []
    assert sorted(state.close(CLOSED).places) == [1, 2, 3]
    assert state.open == 0


def test_hard_negatives_are_told_once_when_nothing_can_change_them() -> None:
    state = windows()
    counted(state, search("s"), 0)
    counted(state, feedback("s", item="c"), 5)
    assert not any(isinstance(one, HardNegativeMined) for one in state.due(END))
    mined = [one for one in state.close(CLOSED).events if isinstance(one, HardNegativeMined)]
    assert [(one.negative_id, one.positive_id) for one in mined] == [("a", "c"), ("b", "c")]


def test_what_closed_before_a_restart_is_passed_over() -> None:
    state = windows(closed_ms=CLOSED)
    assert counted(state, search("s"), 0) is Fate.PASSED
    assert counted(state, search("t", ms=WIDTH), WIDTH) is Fate.COUNTED


def test_what_comes_beyond_the_bound_is_dropped_and_crowds_out_nothing_else() -> None:
    state = windows(max_open=1)
    assert counted(state, feedback("elsewhere"), 0) is Fate.WAITING
    assert counted(state, feedback("nowhere"), 0) is Fate.CROWDED
    assert counted(state, search("s"), 0) is Fate.COUNTED
    assert counted(state, search("t"), 0) is Fate.CROWDED
    assert counted(state, feedback("s"), 0) is Fate.COUNTED
    assert counted(state, feedback("s", item="b"), 0) is Fate.CROWDED
    assert state.open == 3
    state.close(START_MS + 100 * WIDTH)
    assert state.open == 0


NAMES = ("s", "t", "u")
STARTS = st.fixed_dictionaries({name: st.integers(0, 3 * WIDTH) for name in NAMES})
REACTION = st.tuples(
    st.sampled_from(NAMES),
    st.sampled_from(["click", "no_result", "safety"]),
    st.sampled_from("abc"),
    st.booleans(),
    st.integers(0, WIDTH + 2 * GRACE),
)


@st.composite
def streams(draw: st.DrawFn) -> list[tuple[Event, int]]:
    """Events with the time at which they reached the log; some of them twice."""
    starts = draw(STARTS)
    found: list[tuple[Event, int]] = [(search(name, ms), ms + 3) for name, ms in starts.items()]
    for name, kind, item, consent, delay in draw(st.lists(REACTION, max_size=8)):
        fact = feedback(name, kind, None if kind == "no_result" else item, starts[name], consent=consent)
        found.append((fact, starts[name] + delay))
    twice = draw(st.lists(st.sampled_from(found), max_size=3))
    return found + [(fact, logged + 1) for fact, logged in twice]


def facts_of(events: Iterable[tuple[Event, int]], stops: Iterable[int] = ()) -> set[str]:
    """The facts that come out; `stops` are positions after which it is told what is due already."""
    state, told, pauses = windows(), [], set(stops)
    for place, (fact, logged_ms) in enumerate(events):
        counted(state, fact, logged_ms, place)
        if place in pauses:
            told += state.due(START_MS + 2 * WIDTH)
    return final(told + state.close(START_MS + 100 * WIDTH).events)


@settings(max_examples=60)
@given(events=streams(), data=st.data())
def test_every_order_of_arrival_gives_the_same_facts(events: list[tuple[Event, int]], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(events))
    stops = data.draw(st.lists(st.integers(0, len(events)), max_size=4))
    assert facts_of(shuffled, stops) == facts_of(events)


@settings(max_examples=60)
@given(events=streams(), data=st.data())
def test_closing_as_the_log_is_read_gives_the_same_facts(events: list[tuple[Event, int]], data: st.DataObject) -> None:
    """Events come in the order of the log, and windows close as soon as the log has passed them."""
    ordered = sorted(events, key=lambda one: one[1])
    closings = data.draw(st.sets(st.integers(0, len(events))))
    state, told = windows(), []
    for place, (fact, logged_ms) in enumerate(ordered):
        if place in closings:
            told += state.due(START_MS + logged_ms) + state.close(START_MS + logged_ms - 1).events
        counted(state, fact, logged_ms, place)
    told += state.close(START_MS + 100 * WIDTH).events
    assert final(told) == facts_of(events)


@settings(max_examples=60)
@given(events=streams(), cut=st.integers(0, 12))
def test_a_restart_that_reads_what_was_not_handed_back_gives_the_same_facts(
    events: list[tuple[Event, int]], cut: int
) -> None:
    ordered = sorted(events, key=lambda one: one[1])
    first, told, returned = windows(), [], set()
    for place, (fact, logged_ms) in enumerate(ordered[:cut]):
        if counted(first, fact, logged_ms, place) not in {Fate.COUNTED, Fate.WAITING, Fate.REPEATED}:
            returned.add(place)
        closed = first.close(START_MS + logged_ms - 1)
        told += closed.events
        returned |= set(closed.places)
    again = next((place for place in range(len(ordered)) if place not in returned), len(ordered))
    second = windows(closed_ms=first.closed_ms)
    for place, (fact, logged_ms) in enumerate(ordered[again:], start=again):
        counted(second, fact, logged_ms, place)
    told += second.close(START_MS + 100 * WIDTH).events
    assert final(told) == facts_of(events)
