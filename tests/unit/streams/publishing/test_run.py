from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.items import ItemPublished
from streams.codec import decode
from streams.errors import BadRecord
from streams.media.store import MediaStore
from streams.memory import MemoryBroker, MemoryProducer
from streams.publishing.journal import Journal
from streams.publishing.offer import Found, Offer, Prepared
from streams.publishing.publisher import Preview, Publisher, Receipt
from streams.publishing.run import EXAMPLES, Limits, Summary, publish_all
from streams.topics import RAW

LIMITS = Limits("default", 1000)


class Recorder(Preview):
    """A preview that keeps what it was given."""

    def __init__(self) -> None:
        super().__init__(None)
        self.submitted: list[str] = []

    def submit(self, prepared: Prepared, *, restore: bool = False) -> Receipt:
        receipt = super().submit(prepared, restore=restore)
        self.submitted.append(prepared.item.item_id)
        return receipt


def run(items: list[Found], on_progress: Callable[[Summary], None] = lambda summary: None) -> tuple[Summary, list[str]]:
    recorder = Recorder()
    return publish_all(items, recorder, LIMITS, on_progress), recorder.submitted


def test_items_are_counted_by_modality() -> None:
    summary, submitted = run([Found("x", Offer("a", text="1")), Found("y", Offer("b", text="2"))])
    assert submitted == ["a", "b"]
    assert summary.receipts[Receipt.PUBLISHED] == 2
    assert summary.by_modality == {"text": 2}


def test_what_cannot_be_published_stops_nothing_and_is_reported_with_its_place() -> None:
    summary, submitted = run(
        [Found("x:1", BadRecord("invalid_json", "oops")), Found("x:2", Offer("")), Found("x:3", Offer("c", text="3"))]
    )
    assert submitted == ["c"]
    assert summary.refused == {"invalid_json": 1, "invalid_item": 1}
    assert [refusal.place for refusal in summary.refusals] == ["x:1", "x:2"]


def test_a_second_item_of_one_id_is_refused_as_it_would_overwrite_the_first_in_every_run() -> None:
    summary, submitted = run([Found("x:1", Offer("a", text="1")), Found("x:2", Offer("a", text="2"))])
    assert submitted == ["a"]
    assert summary.refused == {"duplicate_id": 1}


def test_the_same_item_twice_is_unchanged_the_second_time() -> None:
    summary, submitted = run([Found("x:1", Offer("a", text="1")), Found("x:2", Offer("a", text="1"))])
    assert submitted == ["a"]
    assert summary.receipts[Receipt.UNCHANGED] == 1


def test_refusals_are_all_counted_but_only_the_first_are_kept() -> None:
    summary, _ = run([Found(f"x:{number}", BadRecord("invalid_json")) for number in range(EXAMPLES + 1)])
    assert (summary.refused.total(), len(summary.refusals)) == (EXAMPLES + 1, EXAMPLES)


def test_progress_is_told_after_each_item_in_bytes_of_input() -> None:
    weights: list[int] = []
    run(
        [Found("x", Offer("a", text="1"), 10), Found("y", BadRecord("invalid_json"), 5)],
        lambda summary: weights.append(summary.weight),
    )
    assert weights == [10, 15]


def test_files_are_read_within_the_limit(tmp_path: Path) -> None:
    (tmp_path / "big.png").write_bytes(bytes(LIMITS.max_bytes + 1))
    summary, _ = run([Found("big.png", Offer("a", content=tmp_path / "big.png"))])
    assert summary.refused == {"media_too_large": 1}


def test_working_ahead_changes_nothing_in_the_outcome(tmp_path: Path) -> None:
    items = [Found(str(n), Offer(f"item-{n}", content=b"%d" % n, media_type="image/png"), 1) for n in range(50)]
    items.insert(10, Found("bad", BadRecord("invalid_json"), 1))
    media = MediaStore.open(tmp_path)
    broker = MemoryBroker({"raw": 1})
    publisher = Publisher(MemoryProducer(broker), media, "raw", Journal.open(tmp_path / "j", "raw"))
    summary = publish_all(items, publisher, Limits("default", 1000, at_once=4), lambda _: None)
    publisher.flush()
    published = [decode(record, RAW.events) for record in broker.records("raw")]
    assert [event.item_id for event in published if isinstance(event, ItemPublished)] == [
        f"item-{n}" for n in range(50)
    ]
    assert summary.refused == {"invalid_json": 1}
    assert all(media.exists(event.media) for event in published if isinstance(event, ItemPublished) and event.media)


@pytest.mark.parametrize("restore", [True, False])
def test_the_wish_to_restore_is_handed_on(restore: bool) -> None:
    wishes: list[bool] = []

    class Listener(Preview):
        def submit(self, prepared: Prepared, *, restore: bool = False) -> Receipt:
            wishes.append(restore)
            return Receipt.PUBLISHED

    publish_all([Found("x", Offer("a", text="1"))], Listener(None), Limits("default", 10, restore), lambda _: None)
    assert wishes == [restore]
