"""A folder published to a real broker: what arrives, what is sent again, and what a crash repeats."""

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
import typer
from typer.testing import CliRunner, Result

from infra.cli.publish import publish, withdraw
from infra.settings import flags
from schemas.event import Event
from schemas.items import ItemPublished, ItemWithdrawn, Modality
from streams.codec import decode
from streams.kafka.config import KafkaConfig
from streams.kafka.consumer import KafkaConsumer
from streams.kafka.producer import KafkaProducer
from streams.kafka.topic_admin import TopicAdmin
from streams.media.store import MediaStore
from streams.publishing.journal import Journal
from streams.publishing.publisher import Publisher, Receipt
from streams.publishing.run import Limits, Summary, publish_all
from streams.publishing.sources.folders import Reading, found_in
from streams.topic_plan import manifest, plan
from streams.topics import RAW


class Rig:
    """One installation: a prefix of its own on the shared broker, a media folder and a journal."""

    def __init__(self, bootstrap: str, folder: Path) -> None:
        self.kafka = KafkaConfig(bootstrap_servers=bootstrap, prefix=f"publishing-{uuid4().hex[:8]}")
        self.topic = RAW.full_name(self.kafka.prefix)
        self.folder = folder
        self.items = folder / "items"
        self.items.mkdir()
        self.media = MediaStore.open(folder / "objects")
        admin = TopicAdmin(self.kafka)
        for step in plan([topic for topic in manifest(self.kafka.prefix, []) if topic.name == self.topic], {}):
            admin.apply(step)

    def publisher(self) -> Publisher:
        journal = Journal.open(self.folder / "journal.sqlite", self.topic)
        return Publisher(KafkaProducer(self.kafka), self.media, self.topic, journal)

    def publish(self) -> Summary:
        publisher = self.publisher()
        limits = Limits("default", publisher.max_bytes)
        summary = publish_all(found_in([self.items], Reading()), publisher, limits, lambda _: None)
        publisher.flush()
        return summary

    def events(self, count: int) -> list[Event]:
        """The first `count` events of the topic, and a short wait for one too many."""
        consumer = KafkaConsumer(self.kafka, f"{self.kafka.prefix}.{uuid4().hex[:8]}", [self.topic])
        found: list[Event] = []
        for _ in range(60):
            found += [decode(record, RAW.events) for record in consumer.poll(500, 0.5)]
            if len(found) >= count:
                break
        found += [decode(record, RAW.events) for record in consumer.poll(500, 0.5)]
        consumer.close()
        return found


@pytest.fixture
def rig(kafka: str, tmp_path: Path) -> Rig:
    return Rig(kafka, tmp_path)


@pytest.fixture
def command(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """`millrace` with settings that lead to the rig."""
    app = typer.Typer()
    app.command("publish")(publish)
    app.command("withdraw")(withdraw)
    assignments = [
        f"kafka.bootstrap_servers={rig.kafka.bootstrap_servers}",
        f"kafka.prefix={rig.kafka.prefix}",
        f"data_dir={rig.folder / 'data'}",
    ]
    monkeypatch.setattr(flags, "assignments", assignments)
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


def test_a_folder_arrives_whole_and_its_media_are_in_the_store(rig: Rig) -> None:
    (rig.items / "a.txt").write_text("words")
    (rig.items / "b.png").write_bytes(b"\x89PNG")
    (rig.items / "bad.txt").write_bytes(b"caf\xe9")
    assert rig.publish().receipts == {Receipt.PUBLISHED: 3}
    found = {event.item_id: event for event in rig.events(3) if isinstance(event, ItemPublished)}
    assert found["items/a.txt"].text == "words"
    assert found["items/b.png"].modality is Modality.IMAGE
    stored = [event.media for event in found.values() if event.media]
    assert sorted(map(rig.media.get, stored)) == [b"caf\xe9", b"\x89PNG"]


def test_the_same_folder_again_adds_nothing(rig: Rig) -> None:
    for number in range(50):
        (rig.items / f"{number}.txt").write_text(f"text {number}")
    rig.publish()
    assert rig.publish().receipts == {Receipt.UNCHANGED: 50}
    assert len(rig.events(50)) == 50


def test_only_what_changed_is_sent_again(rig: Rig) -> None:
    (rig.items / "a.txt").write_text("one")
    (rig.items / "b.txt").write_text("two")
    rig.publish()
    (rig.items / "b.txt").write_text("three")
    assert rig.publish().receipts == {Receipt.PUBLISHED: 1, Receipt.UNCHANGED: 1}
    assert len(rig.events(3)) == 3


def test_a_lost_journal_repeats_the_same_event_ids(rig: Rig) -> None:
    (rig.items / "a.txt").write_text("one")
    rig.publish()
    for path in rig.folder.glob("journal.sqlite*"):
        path.unlink()
    rig.publish()
    assert len({event.event_id for event in rig.events(2)}) == 1


def test_versions_of_an_item_and_its_withdrawal_keep_their_order(rig: Rig) -> None:
    (rig.items / "a.txt").write_text("one")
    rig.publish()
    publisher = rig.publisher()
    publisher.withdraw("items/a.txt")
    publisher.flush()
    assert [type(event) for event in rig.events(2)] == [ItemPublished, ItemWithdrawn]
    assert rig.publish().receipts == {Receipt.STAYS_WITHDRAWN: 1}


def test_the_command_publishes_withdraws_and_goes_on_where_it_was(rig: Rig, command: Callable[..., Result]) -> None:
    (rig.items / "a.txt").write_text("one")
    (rig.items / "b.jsonl").write_text('{"text": "two"}\n{"text": NaN}\n')
    first = command("publish", rig.items)
    assert (first.exit_code, first.stdout.splitlines()[0]) == (1, "published 2 items (2 text), 0 unchanged")
    assert command("withdraw", "items/a.txt", "--erase").exit_code == 0
    assert command("publish", rig.items).stdout.splitlines()[:2] == [
        "published 0 items, 1 unchanged",
        "1 item withdrawn earlier and left so; --restore publishes them",
    ]
    assert len(rig.events(3)) == 3


def test_the_command_makes_no_topic_by_accident(rig: Rig, command: Callable[..., Result]) -> None:
    flags.assignments = [*flags.assignments, "kafka.prefix=nobody-made-this"]
    assert "topics apply" in str(command("withdraw", "a").exception)
