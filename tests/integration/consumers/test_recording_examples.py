"""The examples of docs/queries.md on a small history whose answers were worked out by hand."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from consumers.recording.clickhouse import ClickHouseTables, Engine
from consumers.recording.config import RecordingConfig
from consumers.recording.queries import QueryResult, run_query
from consumers.recording.stage import recording_stage
from infra.cli.sql import EXAMPLES, documented_examples
from schemas.event import Event
from schemas.items import ItemCurated, ItemIndexed, ItemPublished, ItemRejected, ItemWithdrawn, RejectReason
from schemas.searches import FeedbackGiven, FeedbackKind, Hit, SearchServed
from streams.record import Origin
from streams.stage import Incoming

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def at(minute: float) -> datetime:
    return NOON + timedelta(minutes=minute)


def published(name: str, minute: float) -> ItemPublished:
    return ItemPublished(item_id=name, text=name, occurred_at=at(minute))


def rejected(
    cause: ItemPublished, version: int, reason: RejectReason, minute: float, measured: str, threshold: str
) -> ItemRejected:
    return ItemRejected.following(
        cause,
        item_id=cause.item_id,
        version=version,
        reason=reason,
        measured=measured,
        threshold=threshold,
        occurred_at=at(minute),
    )


def curated(cause: ItemPublished, version: int, minute: float) -> ItemCurated:
    return ItemCurated.following(
        cause,
        item_id=cause.item_id,
        version=version,
        modality="text",
        text=cause.text,
        content_sha256="0" * 64,
        published_at=cause.occurred_at,
        occurred_at=at(minute),
    )


def indexed(cause: ItemPublished, version: int, seconds: float) -> ItemIndexed:
    return ItemIndexed.following(
        cause,
        item_id=cause.item_id,
        version=version,
        model_version="mini-1",
        parts=1,
        published_at=cause.occurred_at,
        occurred_at=cause.occurred_at + timedelta(seconds=seconds),
    )


def searched(words: str, *items: str, latency_ms: float = 5) -> SearchServed:
    hits = tuple(Hit(item_id=item, version=0, position=n, score=0.5, propensity=1) for n, item in enumerate(items, 1))
    return SearchServed(
        query_text=words, k=3, hits=hits, policy="hybrid-rrf", model_version="mini-1", latency_ms=latency_ms
    )


def clicked(search: SearchServed, item: str) -> FeedbackGiven:
    return FeedbackGiven(impression_id=search.event_id, kind=FeedbackKind.CLICK, item_id=item, consent=True)


def history() -> list[Incoming]:
    """Versions are the offsets in items.raw: the place of each item in this list."""
    items = [published(name, minute) for minute, name in enumerate("abcdefg")]
    a, b, c, d, e, f, _ = items
    first, second, third = searched("Mill", "a", "b"), searched(" mill ", "b", "a", latency_ms=9), searched("cow")
    facts: list[tuple[str, Event]] = [
        ("items.curated", curated(a, 0, 1)),
        ("items.indexed", indexed(a, 0, seconds=2)),
        ("items.curated", curated(b, 1, 2)),
        ("items.indexed", indexed(b, 1, seconds=8)),
        ("items.rejected", rejected(c, 2, RejectReason.TOO_SHORT, 3, "2 characters", "3 characters")),
        ("items.rejected", rejected(d, 3, RejectReason.TOO_SHORT, 4, "1 characters", "3 characters")),
        ("items.rejected", rejected(e, 4, RejectReason.EXACT_DUPLICATE, 5, "a", "0")),
        ("items.curated", curated(f, 5, 6)),
        ("searches.served", first),
        ("searches.served", second),
        ("searches.served", third),
        ("feedback.given", clicked(first, "a")),
        ("feedback.given", clicked(first, "a")),
        ("feedback.given", clicked(second, "a")),
    ]
    raw: list[Event] = [*items, ItemWithdrawn(item_id="g", occurred_at=at(7)), published("a", 70)]
    facts.append(("items.indexed", indexed(raw[-1], 8, seconds=30)))  # type: ignore[arg-type]
    at_places = [Incoming(fact, Origin("millrace.items.raw.v1", 0, offset)) for offset, fact in enumerate(raw)]
    return at_places + [Incoming(fact, Origin(f"millrace.{topic}.v1", 0, n)) for n, (topic, fact) in enumerate(facts)]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = Engine.open(RecordingConfig(), tmp_path_factory.mktemp("chdb"))
    stage, facts = recording_stage(ClickHouseTables(engine.writer)), history()
    stage.outcomes(facts)
    stage.outcomes(facts[3:])  # delivered again, cut differently
    yield engine
    engine.close()


def example(question: str) -> str:
    section = EXAMPLES.read_text("utf-8").split(f"## {question}\n")[1]
    [statement, *_] = re.findall(r"```sql\n(.*?)```", section, re.DOTALL)
    return statement


def ask(engine: Engine, question: str) -> QueryResult:
    return run_query(engine.reader, example(question), limit=100)


def test_five_examples_are_documented_and_all_of_them_are_tested_here() -> None:
    questions = re.findall(r"^-- (.+)$", documented_examples(), re.MULTILINE)
    assert len(questions) == 5
    assert all(f'"{question}"' in Path(__file__).read_text("utf-8") for question in questions)


def test_rejections_are_counted_by_reason_with_their_latest_case(engine: Engine) -> None:
    assert ask(engine, "What was rejected, and why?").rows == [
        ("too_short", 2, 2, "d", "1 characters", "3 characters"),
        ("exact_duplicate", 1, 1, "e", "a", "0"),
    ]


def test_freshness_is_told_hour_by_hour(engine: Engine) -> None:
    assert ask(engine, "How fresh is the index?").rows == [
        (NOON, 2, 8.0, 8.0, 8.0),
        (NOON + timedelta(hours=1), 1, 30.0, 30.0, 30.0),
    ]


def test_only_items_that_wait_are_listed(engine: Engine) -> None:
    result = ask(engine, "Which items were published but cannot be found yet?")
    assert result.rows == [("default", "f", 5, "curated", at(5))]


def test_queries_are_counted_whatever_their_case_and_blanks(engine: Engine) -> None:
    assert ask(engine, "What do people search for, and what finds nothing?").rows == [
        ("mill", 2, 0, 9.0),
        ("cow", 1, 1, 5.0),
    ]


def test_clicks_are_counted_once_for_each_shown_hit(engine: Engine) -> None:
    assert ask(engine, "At which position do people click?").rows == [(1, 2, 1, 0.5), (2, 2, 1, 0.5)]


def test_the_journey_of_an_item_is_that_of_its_newest_version(engine: Engine) -> None:
    sql = (
        "SELECT item_id, version, versions, state, indexed_at FROM item_journey WHERE item_id IN ('a', 'g') ORDER BY 1"
    )
    assert run_query(engine.reader, sql, limit=10).rows == [
        ("a", 8, 2, "indexed", at(70.5)),
        ("g", 7, 2, "withdrawn", None),
    ]


def test_each_version_of_an_item_keeps_its_own_times(engine: Engine) -> None:
    sql = "SELECT version, published_at, curated_at, state FROM item_versions WHERE item_id = 'a' ORDER BY version"
    assert run_query(engine.reader, sql, limit=10).rows == [
        (0, at(0), at(1), "indexed"),
        (8, at(70), None, "indexed"),
    ]


def test_rejections_by_reason_is_a_view_of_its_own(engine: Engine) -> None:
    sql = "SELECT reason, rejections, items FROM rejections_by_reason ORDER BY reason"
    assert run_query(engine.reader, sql, limit=10).rows == [("exact_duplicate", 1, 1), ("too_short", 2, 2)]
