"""What the log is told, and letters about answers."""

import pytest
from sqlalchemy import Engine

from annotation.label_studio.outbox import Outbox
from annotation.label_studio.telling.letters import ANSWER, letter_about
from annotation.label_studio.telling.messages import Messages, post
from schemas.annotations import AnnotationRequested
from streams.codec import Encoded, decode, encode
from streams.errors import BadRecord, Unavailable
from streams.letters import read_letter
from streams.memory import MemoryBroker, MemoryProducer
from streams.record import Record
from tests.unit.annotation.label_studio.bridge_builders import asked, database, request, states


def broker() -> MemoryBroker:
    return MemoryBroker({"t": 1, "p.bridge.dlq": 1})


def waiting(engine: Engine, *values: bytes) -> None:
    with engine.begin() as connection:
        post(connection, [("t", Encoded(b"key", value, (("h", b"\xff"),))) for value in values])


def test_messages_are_published_in_order_and_once() -> None:
    engine, log = database(), broker()
    waiting(engine, b"1", b"2")
    messages = Messages(engine, MemoryProducer(log))
    assert messages.publish() == 2
    assert messages.publish() == 0
    assert [record.value for record in log.records("t")] == [b"1", b"2"]
    assert log.records("t")[0].headers == (("h", b"\xff"),)


def test_messages_that_the_log_did_not_take_are_published_later() -> None:
    engine, log = database(), broker()
    waiting(engine, b"1")
    messages = Messages(engine, MemoryProducer(log))
    log.down = "broken"
    with pytest.raises(Unavailable):
        messages.publish()
    log.down = None
    assert messages.publish() == 1


def test_a_letter_names_the_task_and_can_be_replayed() -> None:
    asking = request()
    topic, encoded = letter_about("p", asking, "reqs/2/17", BadRecord("malformed_annotation", "task 5"), "9/5/1", b"[]")
    letter = read_letter(Record(topic, 0, 0, encoded.key, encoded.value, encoded.headers))
    assert (topic, letter.id, letter.detail) == ("p.bridge.dlq", "reqs/2/17/9/5/1", "task 5")
    assert dict(letter.headers)[ANSWER] == b"[]"
    original = letter.original()
    record = Record(letter.origin.topic, 2, 18, original.key, original.value, original.headers)
    assert decode(record, (AnnotationRequested,)) == asking


def test_two_answers_to_one_request_are_two_letters() -> None:
    refusal = BadRecord("malformed_annotation", "x")
    keys = {letter_about("p", request(), "reqs/2/17", refusal, about)[1].key for about in ("9/5/1", "9/5/2")}
    assert len(keys) == 2


def test_a_request_that_label_studio_refuses_becomes_a_letter() -> None:
    engine, log = database(), broker()
    outbox = Outbox(engine)
    outbox.take(asked(request()), [])
    [due] = outbox.due("mood", 10, 10)
    outbox.refuse(due, "p", BadRecord("label_studio_refused", "400"))
    Messages(engine, MemoryProducer(log)).publish()
    assert states(engine) == {"a1": "refused"}
    [record] = log.records("p.bridge.dlq")
    assert record.value == encode(request(), "x").value
