"""What the store of snapshots must do in any database. Subclasses provide the fixture `engine`."""

import pytest
from sqlalchemy import Engine

from schemas.annotations import Arm
from streams.errors import BadRecord, Misconfigured, Unavailable
from tests.unit.trainers.snapshots.frozen import Shelves, digest, label, manifest, row
from trainers.snapshots.rows import Key, Split
from trainers.snapshots.store import SnapshotStore

FIRST = manifest(
    row("a", labels=(label("arts", arm=Arm.RANDOM, revision=3),), split=Split.EVALUATION),
    row("b", labels=(label("news"),)),
    row("c", split=Split.EXCLUDED),
    row("d"),
)


class SnapshotStoreContract:
    @pytest.fixture
    def engine(self) -> Engine:
        raise NotImplementedError

    @pytest.fixture
    def store(self, engine: Engine) -> SnapshotStore:
        store = SnapshotStore(engine, Shelves())
        store.create_tables()
        return store

    def test_a_snapshot_comes_back_as_it_was(self, store: SnapshotStore) -> None:
        store.put(FIRST)
        assert store.get(FIRST.sha256) == FIRST

    def test_its_counts_are_known_without_reading_it(self, store: SnapshotStore) -> None:
        kept = store.put(FIRST)
        assert store.known(FIRST.sha256) == kept
        assert (kept.train, kept.evaluation, kept.excluded, kept.labels, kept.tasks) == (2, 1, 1, 2, ("topic",))

    def test_a_snapshot_that_is_kept_again_stays_as_it_is(self, store: SnapshotStore) -> None:
        kept = store.put(FIRST)
        assert store.put(FIRST) == kept
        assert store.list() == [kept]

    def test_snapshots_are_numbered_and_listed_with_the_newest_first(self, store: SnapshotStore) -> None:
        kept = [store.put(manifest(row(item))) for item in "abc"]
        assert [one.number for one in kept] == [1, 2, 3]
        assert store.list(2) == [kept[2], kept[1]]

    def test_a_snapshot_is_found_by_number_and_by_the_beginning_of_its_name(self, store: SnapshotStore) -> None:
        kept = store.put(FIRST)
        assert store.find(FIRST.sha256[:8]) == kept
        assert store.find("1") == kept

    def test_a_name_that_fits_none_or_several_is_refused(self, store: SnapshotStore) -> None:
        with pytest.raises(Misconfigured, match="there is no snapshot"):
            store.find("%")
        for number in range(17):
            store.put(manifest(row(str(number))))
        with pytest.raises(Misconfigured, match="several"):
            store.find("")

    def test_what_was_ever_measured_with_is_remembered(self, store: SnapshotStore) -> None:
        store.put(FIRST)
        store.put(manifest(row("b", split=Split.EVALUATION), row("x")))
        assert store.past().measured == {Key("default", "a"), Key("default", "b")}

    def test_what_was_ever_trained_on_is_remembered_by_name_and_by_content(self, store: SnapshotStore) -> None:
        store.put(FIRST)
        store.put(manifest(row("b", "other", split=Split.EVALUATION), row("d", "new"), row("d", "red", tenant="red")))
        past = store.past()
        assert past.snapshots == 2
        assert past.trained == {Key("default", "b"), Key("default", "d"), Key("red", "d")}
        assert past.contents == {digest(content) for content in ("b", "d", "new", "red")}

    def test_a_snapshot_whose_sides_another_one_may_contradict_is_refused(self, store: SnapshotStore) -> None:
        past = store.past()
        kept = store.put(FIRST, past)
        with pytest.raises(Unavailable, match="anew"):
            store.put(manifest(row("a")), past)
        assert store.list() == [kept]
        assert store.put(FIRST, past) == kept

    def test_an_item_knows_its_snapshots(self, store: SnapshotStore) -> None:
        first, second = store.put(FIRST), store.put(manifest(row("a", version=9)))
        found = store.appearances("a")[Key("default", "a")]
        assert [(one.snapshot, one.version, one.split, one.labels) for one in found] == [
            (second, 9, Split.TRAIN, {}),
            (first, 1, Split.EVALUATION, {"topic": 3}),
        ]
        assert store.appearances("a", "other") == {}

    def test_bytes_that_are_gone_are_refused_by_name(self, engine: Engine) -> None:
        store = SnapshotStore(engine, Shelves())
        store.create_tables()
        with pytest.raises(BadRecord, match=FIRST.sha256):
            store.get(FIRST.sha256)
