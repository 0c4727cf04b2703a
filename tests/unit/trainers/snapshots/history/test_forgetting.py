"""A line of three models, and items that are withdrawn from what they were trained on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from models.registry.records import Model, ModelKind
from tests.unit.trainers.jobs.bench import Bench
from tests.unit.trainers.snapshots.frozen import curated, manifest, picture, row, withdrawn
from trainers.snapshots.history.forgetting import unlearnt

LINE = {"first": "item-1", "second": "item-2", "third": "item-3"}
"""What each model was trained on; it began as the one before."""


def begins(bench: Bench, version: str) -> str | None:
    return unlearnt(version, bench.registry.models, bench.work.snapshots, bench.catalogue)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    parent = bench.work.shelf.configured.version
    for version, item_id in LINE.items():
        bench.catalogue.write([picture(item_id)])
        frozen = bench.work.snapshots.put(manifest(row(item_id)))
        bench.registry.models.register(
            Model(version, ModelKind.ENCODER, version, parent, snapshot_sha256=frozen.sha256)
        )
        parent = version
    yield bench
    bench.engine.dispose()


def test_where_nothing_is_gone_the_live_model_is_gone_on_from(bench: Bench) -> None:
    assert begins(bench, "third") == "third"


@pytest.mark.parametrize(("gone", "first_clean"), [("item-3", "second"), ("item-2", "first")])
def test_a_model_begins_before_whoever_learnt_from_what_is_gone(bench: Bench, gone: str, first_clean: str) -> None:
    bench.catalogue.write([withdrawn(gone, 2)])
    assert begins(bench, "third") == first_clean


def test_what_all_have_learnt_from_is_forgotten_with_all_of_them(bench: Bench) -> None:
    bench.catalogue.write([withdrawn("item-1", 2)])
    assert begins(bench, "third") is None


def test_an_item_that_changed_is_not_gone(bench: Bench) -> None:
    bench.catalogue.write([curated("item-3", 2, "other words")])
    assert begins(bench, "third") == "third"


def test_a_model_whose_snapshot_is_lost_is_taken_to_know_what_is_gone(bench: Bench) -> None:
    bench.registry.models.register(Model("fourth", ModelKind.ENCODER, "fourth", "third", snapshot_sha256="ab" * 32))
    assert begins(bench, "fourth") == "third"


def test_before_the_first_release_the_encoder_of_the_settings_knows_nothing(bench: Bench) -> None:
    configured = bench.work.shelf.configured.version
    assert begins(bench, configured) is None
