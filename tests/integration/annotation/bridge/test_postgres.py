"""The bridge's tables in PostgreSQL: the same statements, the same outcomes."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from annotation.label_studio.answers.ledger import Ledger
from annotation.label_studio.outbox import Outbox
from annotation.label_studio.running.turn import Turn
from annotation.label_studio.tables import metadata
from annotation.label_studio.telling.messages import Messages
from streams.errors import BadRecord, Unavailable
from streams.memory import MemoryBroker, MemoryProducer
from tests.integration.postgres import empty_database
from tests.unit.annotation.label_studio.answers.test_ledger import READING, TOPIC
from tests.unit.annotation.label_studio.bridge_builders import (
    TASK,
    annotation,
    asked,
    request,
    states,
    task,
    withdrawn,
)


@pytest.fixture
def engine(postgres_url: str) -> Iterator[Engine]:
    with empty_database(postgres_url) as engine:
        metadata.create_all(engine)
        yield engine


def test_requests_and_withdrawals_have_the_same_outcomes(engine: Engine) -> None:
    outbox = Outbox(engine)
    outbox.take(asked(request("a"), request("b"), request("c")), [withdrawn("b"), withdrawn("b", version=0)])
    outbox.take(asked(request("a"), request("b", part=1), request("c", version=2)), [])
    due = outbox.due(TASK.name, 10, 10)
    assert outbox.attempting(one.id for one in due) == {one.id for one in due}
    outbox.sent({one: 100 + number for number, one in enumerate(due)})
    outbox.refuse(due[0], "p", BadRecord("label_studio_refused", "no"))
    assert states(engine) == {"a1": "refused", "b1": "dropped", "b1'": "dropped", "c1": "dropped", "c2": "sent"}
    assert outbox.counts() == {"pending": 0, "sent": 1}


def test_answers_are_told_once_and_taken_back_once(engine: Engine) -> None:
    outbox, ledger = Outbox(engine), Ledger(engine, "p", skips=2)
    outbox.take(asked(request("a")), [])
    outbox.sent({one: 100 for one in outbox.due(TASK.name, 10, 10)})
    assert [ledger.apply(TASK, READING, [task(annotation())]) for _ in range(2)] == [1, 0]
    assert ledger.apply(TASK, READING, [task(annotation(label="bad"))]) == 1
    assert [ledger.gone(TASK, READING, 100) for _ in range(2)] == [1, 0]
    broker = MemoryBroker({TOPIC: 1})
    assert Messages(engine, MemoryProducer(broker)).publish() == 3
    kinds = [(record.header("ce_type") or "").split(".")[1] for record in broker.records(TOPIC)]
    assert kinds == ["AnnotationCompleted", "AnnotationChanged", "AnnotationWithdrawn"]


def test_of_several_bridges_one_works_and_another_takes_over_when_it_ends(engine: Engine) -> None:
    first, second = Turn(engine, "exporter"), Turn(engine, "exporter")
    assert [first.mine(), second.mine(), first.mine()] == [True, False, True]
    assert Turn(engine, "intake").mine()
    first.end()
    assert [second.mine(), first.mine()] == [True, False]
    second.end()


def test_a_turn_goes_on_when_the_connection_of_its_holder_breaks(engine: Engine) -> None:
    first, second = Turn(engine, "exporter"), Turn(engine, "exporter")
    assert first.mine()
    with engine.connect() as connection:
        ours = "datname = current_database() AND pid <> pg_backend_pid()"
        connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {ours}"))
    assert second.mine()
    with pytest.raises(Unavailable):
        first.mine()
    assert not first.mine()
    second.end()
