from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.event import Event
from schemas.items import ItemPublished, ItemWithdrawn, WithdrawalMode
from streams.codec import Encoded, decode
from streams.errors import BadRecord, Misconfigured, Unavailable
from streams.media.store import MediaStore
from streams.memory import MemoryBroker, MemoryProducer
from streams.publishing.journal import Journal
from streams.publishing.offer import Offer, prepare
from streams.publishing.publisher import Preview, Publisher, Receipt
from streams.topics import RAW

TOPIC = RAW.full_name("test")
TEXT = Offer("a", text="words")


class Rig:
    """A broker, a media folder and a journal that outlive the publishers made from them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broker = MemoryBroker({TOPIC: 1})
        self.media = MediaStore.open(folder / "objects")

    def publisher(self, journal: bool = True) -> Publisher:
        known = Journal.open(self.folder / "j.sqlite", "log") if journal else None
        return Publisher(MemoryProducer(self.broker), self.media, TOPIC, known, "acme")

    @property
    def events(self) -> list[Event]:
        return [decode(record, RAW.events) for record in self.broker.records(TOPIC)]


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def test_an_item_arrives_with_its_tenant_and_text(rig: Rig) -> None:
    publisher = rig.publisher()
    assert publisher.publish(TEXT) is Receipt.PUBLISHED
    publisher.flush()
    [event] = rig.events
    assert isinstance(event, ItemPublished)
    assert (event.tenant, event.item_id, event.text) == ("acme", "a", "words")


def test_records_are_keyed_by_tenant_and_item(rig: Rig) -> None:
    publisher = rig.publisher()
    publisher.publish(TEXT)
    publisher.flush()
    assert rig.broker.records(TOPIC)[0].key == b"acme/a"


def test_a_medium_is_stored_before_its_item_is_sent(rig: Rig) -> None:
    publisher = rig.publisher()
    publisher.publish(Offer("a", content=b"\x89PNG", media_type="image/png"))
    publisher.flush()
    [event] = rig.events
    assert isinstance(event, ItemPublished)
    assert event.media is not None
    assert rig.media.get(event.media) == b"\x89PNG"


def test_the_same_item_is_sent_once(rig: Rig) -> None:
    publisher = rig.publisher()
    publisher.publish(TEXT)
    publisher.flush()
    assert publisher.publish(TEXT) is Receipt.UNCHANGED
    publisher.flush()
    assert len(rig.events) == 1


def test_the_same_item_is_sent_once_before_it_is_acknowledged_too(rig: Rig) -> None:
    publisher = rig.publisher()
    publisher.publish(TEXT)
    assert publisher.publish(TEXT) is Receipt.UNCHANGED


def test_a_later_process_sends_nothing_again(rig: Rig) -> None:
    first = rig.publisher()
    first.publish(TEXT)
    first.flush()
    assert rig.publisher().publish(TEXT) is Receipt.UNCHANGED


def test_a_changed_item_is_sent_again(rig: Rig) -> None:
    publisher = rig.publisher()
    publisher.publish(TEXT)
    assert publisher.publish(Offer("a", text="other words")) is Receipt.PUBLISHED
    publisher.flush()
    assert len({event.event_id for event in rig.events}) == 2


def test_an_item_that_changes_and_changes_back_is_three_events(rig: Rig) -> None:
    publisher = rig.publisher()
    for text in ("one", "two", "one"):
        publisher.publish(Offer("a", text=text))
    publisher.flush()
    assert len({event.event_id for event in rig.events}) == 3


def test_a_crash_before_the_journal_is_written_repeats_the_event_id(rig: Rig) -> None:
    crashed = rig.publisher()
    crashed.publish(TEXT)
    crashed._producer.flush(1.0)  # the broker has it, the journal does not
    again = rig.publisher()
    again.publish(TEXT)
    again.flush()
    assert [event.event_id for event in rig.events] == [rig.events[0].event_id] * 2


def test_what_the_broker_did_not_take_is_sent_by_the_next_run(rig: Rig) -> None:
    publisher = rig.publisher()
    publisher.publish(TEXT)
    rig.broker.down = "gone"
    with pytest.raises(Unavailable):
        publisher.flush()
    rig.broker.down = None
    assert publisher.publish(TEXT) is Receipt.PUBLISHED


def test_without_a_journal_every_call_is_an_event_of_its_own(rig: Rig) -> None:
    publisher = rig.publisher(journal=False)
    publisher.publish(TEXT)
    publisher.publish(TEXT)
    publisher.flush()
    assert len({event.event_id for event in rig.events}) == 2


def test_acknowledgements_reach_the_journal_while_publishing_goes_on(rig: Rig) -> None:
    class EagerProducer(MemoryProducer):
        def send(self, topic: str, encoded: Encoded, on_acknowledged: Callable[[], None] | None = None) -> None:
            super().send(topic, encoded, on_acknowledged)
            self.flush(0.0)

    journal = Journal.open(rig.folder / "j.sqlite", "log")
    publisher = Publisher(EagerProducer(rig.broker), rig.media, TOPIC, journal, "acme")
    for number in range(300):
        publisher.publish(Offer(f"item-{number}", text="x"))
    assert journal.last("acme", "item-0") is not None
    assert publisher.publish(Offer("item-299", text="x")) is Receipt.UNCHANGED


def test_a_withdrawal_names_the_item_and_the_mode(rig: Rig) -> None:
    publisher = rig.publisher()
    publisher.withdraw("a", WithdrawalMode.ERASE)
    publisher.flush()
    [event] = rig.events
    assert isinstance(event, ItemWithdrawn)
    assert (event.item_id, event.mode, event.version) == ("a", WithdrawalMode.ERASE, None)


def test_a_withdrawal_is_always_sent(rig: Rig) -> None:
    publisher = rig.publisher()
    publisher.withdraw("a")
    publisher.withdraw("a")
    publisher.flush()
    assert len({event.event_id for event in rig.events}) == 2


def test_publishing_again_does_not_bring_a_withdrawn_item_back(rig: Rig) -> None:
    publisher = rig.publisher()
    publisher.publish(TEXT)
    publisher.withdraw("a")
    publisher.flush()
    assert publisher.publish(TEXT) is Receipt.STAYS_WITHDRAWN
    assert publisher.publish(Offer("a", text="changed")) is Receipt.STAYS_WITHDRAWN


def test_a_withdrawn_item_comes_back_when_asked_for(rig: Rig) -> None:
    publisher = rig.publisher()
    publisher.publish(TEXT)
    publisher.withdraw("a")
    assert publisher.publish(TEXT, restore=True) is Receipt.PUBLISHED
    publisher.flush()
    assert len({event.event_id for event in rig.events}) == 3


def test_a_record_beyond_the_topics_limit_is_refused_and_stores_nothing(rig: Rig) -> None:
    offer = Offer("a", content=b"\x89PNG", media_type="image/png", attributes={"huge": "x" * 2**20})
    with pytest.raises(BadRecord) as refusal:
        rig.publisher().publish(offer)
    assert refusal.value.reason == "record_too_large"
    assert list((rig.folder / "objects" / "media").iterdir()) == []


def test_a_tenant_that_cannot_be_is_refused_at_once(rig: Rig) -> None:
    with pytest.raises(Misconfigured, match="tenant"):
        Publisher(MemoryProducer(rig.broker), rig.media, TOPIC, tenant="a/b")


def test_an_id_that_cannot_be_is_not_withdrawn(rig: Rig) -> None:
    with pytest.raises(Misconfigured, match="item_id"):
        rig.publisher().withdraw("\udcff")


def test_a_preview_tells_what_publishing_would_do(rig: Rig) -> None:
    publisher = rig.publisher()
    publisher.publish(TEXT)
    publisher.flush()
    preview = Preview(Journal.open(rig.folder / "j.sqlite", "log"), "acme")
    assert preview.submit(prepare(TEXT, "acme", 100)) is Receipt.UNCHANGED
    assert preview.submit(prepare(Offer("b", text="x"), "acme", 100)) is Receipt.PUBLISHED
    assert len(rig.events) == 1


def test_a_medium_may_be_stored_ahead_and_its_bytes_let_go(rig: Rig) -> None:
    publisher = rig.publisher()
    prepared = publisher.store(prepare(Offer("a", content=b"\x89PNG", media_type="image/png"), "acme", 100))
    assert prepared.content is None
    assert prepared.item.media is not None
    assert rig.media.get(prepared.item.media) == b"\x89PNG"
    assert publisher.submit(prepared) is Receipt.PUBLISHED


def test_the_medium_of_an_unchanged_item_is_not_stored_again(rig: Rig) -> None:
    publisher = rig.publisher()
    offer = Offer("a", content=b"\x89PNG", media_type="image/png")
    publisher.publish(offer)
    prepared = prepare(offer, "acme", 100)
    assert publisher.store(prepared) is prepared
