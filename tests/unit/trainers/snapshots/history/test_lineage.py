import pytest
from sqlalchemy import Engine

from models.registry.registry import Registry
from schemas.annotations import Arm
from tests.unit.trainers.snapshots.frozen import Shelves, empty_engine, manifest, row, settle, settled, withdrawn
from tests.unit.trainers.snapshots.history.followed import lived, model
from trainers.snapshots.catalogue.catalogue import ItemCatalogue
from trainers.snapshots.config import SnapshotConfig
from trainers.snapshots.history.lineage import Lineage, Trained, ancestors, knowing
from trainers.snapshots.rows import Key, Split
from trainers.snapshots.store import SnapshotStore


@pytest.fixture
def engine() -> Engine:
    return empty_engine()


@pytest.fixture
def snapshots(engine: Engine) -> SnapshotStore:
    return SnapshotStore(engine, Shelves())


@pytest.fixture
def lines(engine: Engine, snapshots: SnapshotStore) -> Lineage:
    registry = Registry(engine)
    registry.create_tables()
    lived(engine, snapshots)
    return Lineage(engine, registry, snapshots, ItemCatalogue(engine, SnapshotConfig()))


def test_a_model_leads_back_to_its_data(lines: Lineage) -> None:
    found = lines.of_model("m-1")
    assert found is not None
    assert found.snapshot is not None
    assert (found.snapshot.train, found.items) == (2, (Key("default", "cow"), Key("default", "dog")))
    assert [served.generation for served in found.generations] == [1]


def test_a_model_has_ancestors_and_children(lines: Lineage) -> None:
    found = lines.of_model("m-2")
    assert found is not None
    assert (found.ancestors, found.children, found.snapshot) == (("m-1", "m-0"), ("m-3",), None)


def test_a_model_is_found_by_its_alias(lines: Lineage, engine: Engine) -> None:
    Registry(engine).generations.set_alias("champion", "m-2")
    found = lines.of_model("champion")
    assert found is not None
    assert found.model.version == "m-2"
    assert lines.of_model("nobody") is None


def test_an_item_leads_to_models_that_know_it_and_to_their_descendants(lines: Lineage) -> None:
    [found] = lines.of_item("dog")
    assert found.models == (Trained("m-1", None), Trained("m-2", "m-1"), Trained("m-3", "m-1"))
    assert [(one.generation, one.model_version) for one in found.generations] == [(1, "m-1"), (2, "m-2")]
    assert [(one.snapshot.number, one.split, one.labels) for one in found.snapshots] == [(1, Split.TRAIN, {"topic": 2})]
    assert (found.version, found.withdrawn, found.labels[0].labels) == (1, False, ("arts",))


def test_no_model_knows_what_was_only_measured_with(lines: Lineage) -> None:
    [found] = lines.of_item("cat")
    assert ([one.split for one in found.snapshots], found.models, found.generations) == ([Split.EVALUATION], (), ())


def test_an_item_that_is_in_no_snapshot_is_known_all_the_same(lines: Lineage) -> None:
    [found] = lines.of_item("fox")
    assert (found.version, found.snapshots, found.labels) == (4, (), ())
    assert lines.of_item("unheard-of") == []


def test_a_withdrawn_item_still_leads_to_what_was_made_of_it(lines: Lineage, engine: Engine) -> None:
    ItemCatalogue(engine, SnapshotConfig()).write([withdrawn("dog", 9)])
    [found] = lines.of_item("dog")
    assert (found.version, found.withdrawn, len(found.models)) == (9, True, 3)


def test_another_tenants_item_is_another_item(lines: Lineage, snapshots: SnapshotStore) -> None:
    snapshots.put(manifest(row("dog", tenant="acme")))
    assert [found.key.tenant for found in lines.of_item("dog")] == ["acme", "default"]
    assert [found.key.tenant for found in lines.of_item("dog", "acme")] == ["acme"]


def test_a_label_leads_to_what_took_it(lines: Lineage) -> None:
    [found] = lines.of_label("topic", "dog")
    assert ([one.version for one in found.models], found.labels[0].revision) == (["m-1", "m-2", "m-3"], 2)
    assert lines.of_label("tone", "dog") == []
    assert lines.of_label("topic", "cow") == []


def test_a_label_that_was_taken_back_says_why(lines: Lineage, engine: Engine) -> None:
    settle(engine, [settled("dog", reason="withdrawn", revision=3, arm=Arm.ACTIVE)])
    [found] = lines.of_label("topic", "dog")
    assert (found.labels[0].settled, found.labels[0].reason, len(found.models)) == (False, "withdrawn", 3)


def test_a_circle_of_parents_ends() -> None:
    circle = [model("m-1", "m-2"), model("m-2", "m-1")]
    assert ancestors("m-1", circle) == ("m-2", "m-1")
    assert knowing(["m-1"], circle) == (Trained("m-1", None), Trained("m-2", "m-1"))
