"""Recording on the real engine: what people read is exactly what was said, however it was delivered."""

import random
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from consumers.recording.clickhouse import ClickHouseTables, Engine
from consumers.recording.config import RecordingConfig
from consumers.recording.stage import recording_stage
from consumers.recording.tables import tables
from schemas.annotations import AnnotationCompleted, ItemScored, Uncertainty
from schemas.catalogue import EVENT_CLASSES
from schemas.event import Event
from schemas.items import (
    EmbeddedPart,
    ItemCurated,
    ItemEmbedded,
    ItemIndexed,
    ItemPublished,
    ItemWithdrawn,
    MediaFacts,
    MediaRef,
    Modality,
)
from schemas.searches import Hit, SearchServed
from schemas.training import Metric, ModelEvaluated, TrainingProgressed, TrainingRequested
from streams.errors import BadRecord, Misconfigured, Unavailable
from streams.record import Origin
from streams.stage import Incoming, Outcome

MOMENT = datetime(2026, 5, 1, 12, 30, 15, 123457, tzinfo=UTC)
PICTURE = MediaRef(uri="media/ab/abc", sha256="0" * 64, length=12, media_type="image/png")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = Engine.open(RecordingConfig(), tmp_path / "chdb")
    yield engine
    engine.close()


def at_place(fact: Event, offset: int = 0) -> Incoming:
    return Incoming(fact, Origin("millrace.some.topic.v1", 0, offset))


def one_of_many_types() -> list[Event]:
    """Facts that use every kind of column there is."""
    item = ItemPublished(
        item_id="a", media=PICTURE, tags=("x", "y"), attributes={"split": "träin", "": ""}, occurred_at=MOMENT
    )
    part = EmbeddedPart(part=0, modality=Modality.IMAGE, vector=b"\0\0\0\0")
    here: dict[str, object] = {"item_id": "a", "version": 7, "occurred_at": MOMENT, "published_at": MOMENT}
    media_facts = MediaFacts(width_px=3, duration_s=0.5)
    hit = Hit(item_id="a", version=7, position=1, score=-0.25, propensity=1)
    metric = Metric(name="recall@10", candidate=0.75, low=0.5)
    return [
        item,
        ItemWithdrawn.following(item, item_id="a"),
        ItemCurated.following(item, modality="image", content_sha256="1" * 64, media_facts=media_facts, **here),
        ItemEmbedded.following(item, modality="image", model_version="m", dim=1, parts=(part,), **here),
        ItemIndexed.following(item, item_id="a", version=7, parts=0),
        ItemScored(
            item_id="a",
            version=7,
            task="t",
            model_version="m",
            uncertainty=Uncertainty(margin=0.5),
            density=1,
            acquisition=1,
        ),
        SearchServed(query_text="q\t\n\\N ü", k=1, hits=(hit, hit), policy="p", model_version="m", latency_ms=1.5),
        AnnotationCompleted(
            item_id="a",
            version=7,
            task="t",
            request_id=UUID(int=5),
            annotation_key="k",
            revision=0,
            arm="random",
            annotator="ann",
            result=({"x": 1},),
        ),
        TrainingProgressed(job_id="j", step=1, steps=2, loss=0.5, items_per_s=9),
        ModelEvaluated(model_version="m", metrics=(metric,), passed=False, reasons=("no gain",), seed=1),
    ]


def deliver(engine: Engine, facts: list[Event], batch_size: int) -> list[Outcome]:
    stage = recording_stage(ClickHouseTables(engine.writer))
    incoming = [at_place(fact, offset) for offset, fact in enumerate(facts)]
    batches = [incoming[start : start + batch_size] for start in range(0, len(incoming), batch_size)]
    return [outcome for batch in batches for outcome in stage.outcomes(batch)]


def counts(engine: Engine) -> dict[str, int]:
    """Rows of every view that people read."""
    names = [table.view for table in tables().values()]
    return {name: engine.reader.query(f"SELECT count() FROM {name}").first_row[0] for name in names}


def test_every_event_type_has_a_table_on_a_fresh_engine(engine: Engine) -> None:
    ClickHouseTables(engine.writer)
    assert list(counts(engine).values()) == [0] * len(EVENT_CLASSES)


def test_what_was_said_is_what_is_read(engine: Engine) -> None:
    facts = one_of_many_types()
    outcomes = deliver(engine, facts, batch_size=100)
    assert outcomes == [()] * len(facts)
    for offset, fact in enumerate(facts):
        table = tables()[type(fact)]
        stored = engine.reader.query(f"SELECT * FROM {table.view}")
        expected = [column.read(at_place(fact, offset)) for column in table.columns]
        assert list(stored.column_names) == [column.name for column in table.columns]
        assert [list(v) if isinstance(v, tuple) else v for v in stored.first_row] == [
            list(v) if isinstance(v, tuple) else v for v in expected
        ]


def test_facts_delivered_three_times_in_different_batches_are_read_once(engine: Engine) -> None:
    facts = [ItemPublished(item_id=f"i{n}", text="t") for n in range(200)]
    facts += [ItemWithdrawn.following(fact, item_id=fact.item_id) for fact in facts[:50]]
    for seed, batch_size in enumerate((250, 7, 64)):
        random.Random(seed).shuffle(facts)
        deliver(engine, list(facts), batch_size)
    found = {name: count for name, count in counts(engine).items() if count}
    assert found == {"item_published": 200, "item_withdrawn": 50}


def test_a_fact_said_again_at_another_time_and_place_is_read_once(engine: Engine) -> None:
    """As when a stage published, was killed before its commit, and published again."""
    [fact] = [ItemPublished(item_id="a", text="t", occurred_at=MOMENT)]
    again = fact.model_copy(update={"occurred_at": MOMENT + timedelta(days=400)})
    deliver(engine, [fact], 1)
    deliver(engine, [again, again], 1)
    assert counts(engine)["item_published"] == 1


def test_a_fact_that_no_column_can_hold_is_a_dead_letter_and_its_neighbours_are_stored(engine: Engine) -> None:
    sound = [TrainingRequested(job_id=f"j{n}", cause="manual") for n in range(5)]
    too_large = sound[0].model_copy(update={"priority": 2**70})
    half_surrogate = sound[1].model_copy(update={"detail": "\ud800"})
    outcomes = deliver(engine, [*sound[:3], too_large, half_surrogate, *sound[3:]], batch_size=100)
    assert [isinstance(outcome, BadRecord) for outcome in outcomes] == [False] * 3 + [True] * 2 + [False] * 2
    assert counts(engine)["training_requested"] == 5


def test_facts_survive_the_process(tmp_path: Path) -> None:
    for _ in range(2):
        engine = Engine.open(RecordingConfig(), tmp_path / "chdb")
        deliver(engine, [ItemPublished(item_id="a", text="t")], 1)
        found = counts(engine)["item_published"]
        engine.close()
    assert found == 2


def test_a_table_of_an_earlier_release_gets_the_missing_columns_and_keeps_its_rows(engine: Engine) -> None:
    deliver(engine, one_of_many_types(), 100)
    for statement in (
        "ALTER TABLE search_served_log DROP COLUMN latency_ms",
        "ALTER TABLE search_served_log DROP COLUMN `hits.score`",
        "ALTER TABLE search_served_log ADD COLUMN forgotten String DEFAULT 'kept'",
        "ALTER TABLE item_curated_log MODIFY COLUMN content_sha256 Nullable(String)",
    ):
        engine.writer.command(statement)
    deliver(engine, one_of_many_types(), 100)
    rows = engine.reader.query("SELECT latency_ms, `hits.score`, forgotten FROM search_served ORDER BY latency_ms")
    assert rows.result_rows == [(0.0, [0.0, 0.0], "kept"), (1.5, [-0.25, -0.25], "kept")]
    assert counts(engine)["item_curated"] == 2


def test_a_field_that_became_optional_is_stored_as_null(engine: Engine) -> None:
    ClickHouseTables(engine.writer)
    engine.writer.command("ALTER TABLE item_published_log DROP COLUMN text")
    engine.writer.command("ALTER TABLE item_published_log ADD COLUMN text String")
    deliver(engine, [ItemPublished(item_id="a", media=PICTURE)], 1)
    assert engine.reader.query("SELECT text FROM item_published").result_rows == [(None,)]


def test_a_changed_type_keeps_the_stage_from_starting(engine: Engine) -> None:
    ClickHouseTables(engine.writer)
    engine.writer.command("ALTER TABLE item_rejected_log MODIFY COLUMN version String")
    with pytest.raises(Misconfigured, match="column version of item_rejected_log"):
        ClickHouseTables(engine.writer)


def test_a_second_process_is_told_who_has_the_folder(engine: Engine, tmp_path: Path) -> None:
    answer = in_a_process_of_its_own(
        f"""
        try:
            Engine.open(RecordingConfig(), Path({str(tmp_path / "chdb")!r}))
        except Unavailable as error:
            print(error)
        """
    )
    assert "cannot be opened; one process at a time may have it open" in answer


def test_a_disk_without_space_is_waited_for_and_nothing_is_lost(tmp_path: Path) -> None:
    """A limit on file size stands for the disk: the system refuses the write in the same way, and it needs no root."""
    answer = in_a_process_of_its_own(
        f"""
        engine = Engine.open(RecordingConfig(), Path({str(tmp_path / "chdb")!r}))
        stage = recording_stage(ClickHouseTables(engine.writer))
        texts = [random.Random(n).randbytes(5000).hex() for n in range(200)]
        batch = [Incoming(ItemPublished(item_id=str(n), text=t), Origin("t", 0, n)) for n, t in enumerate(texts)]
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, resource.RLIM_INFINITY))
        try:
            stage.outcomes(batch)
        except Unavailable:
            print("unavailable", end=" ")
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        stage.outcomes(batch)
        print(engine.reader.query("SELECT count() FROM item_published").first_row[0])
        engine.close()
        """
    )
    assert answer.split() == ["unavailable", "200"]


def test_a_server_that_does_not_answer_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"ClickHouse at http://127\.0\.0\.1:9 does not answer"):
        Engine.open(RecordingConfig(url="http://127.0.0.1:9"), tmp_path)


def in_a_process_of_its_own(script: str) -> str:
    """What a short script prints. chDB has one folder for each process, and limits are set for a whole process."""
    names = """
import random, resource, signal
from pathlib import Path
from consumers.recording.clickhouse import ClickHouseTables, Engine
from consumers.recording.config import RecordingConfig
from consumers.recording.stage import recording_stage
from schemas.items import ItemPublished
from streams.errors import Unavailable
from streams.record import Origin
from streams.stage import Incoming
"""
    lines = [line[8:] for line in script.splitlines()]
    program = names + "\n".join(lines)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()[-1]
