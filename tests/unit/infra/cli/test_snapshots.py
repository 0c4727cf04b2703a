import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner, Result

from infra.cli import snapshots as commands
from infra.cli.lineage import lineage
from infra.migrations.run import migrate
from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from models.registry.artifacts.store import ArtifactStore
from streams.errors import MillraceError, Misconfigured
from tests.unit.trainers.snapshots.frozen import manifest, row, withdrawn
from tests.unit.trainers.snapshots.history.followed import SNAPSHOT, lived
from trainers.snapshots.catalogue.catalogue import ItemCatalogue
from trainers.snapshots.config import SnapshotConfig
from trainers.snapshots.store import SnapshotStore

app = typer.Typer()
app.add_typer(commands.app, name="snapshots")
app.command()(lineage)


@pytest.fixture
def installation(data_dir: Path) -> Iterator[Path]:
    """One with two snapshots and three models, in which an item was withdrawn since."""
    engine = open_engine(MetadataConfig().resolved(data_dir))
    migrate(engine)
    snapshots = SnapshotStore(engine, ArtifactStore.open(data_dir / "artifacts"))
    lived(engine, snapshots)
    snapshots.put(manifest(*SNAPSHOT.rows[1:], row("new")))
    ItemCatalogue(engine, SnapshotConfig()).write([withdrawn("cow", 7)])
    yield data_dir
    engine.dispose()


def run(*words: str) -> Result:
    return CliRunner().invoke(app, words, catch_exceptions=False)


def told(*words: str) -> object:
    return json.loads(run(*words, "--json").output)


def test_where_nothing_has_run_the_list_says_how_to_start(data_dir: Path) -> None:
    with pytest.raises(MillraceError, match="millrace up"):
        run("snapshots", "list")
    assert list(data_dir.iterdir()) == []


def test_snapshots_are_listed_with_their_sizes(installation: Path) -> None:
    assert "2 train, 1 evaluation, 0 excluded, 2 labels" in run("snapshots", "list").output
    assert [one["number"] for one in told("snapshots", "list")] == [2, 1]  # type: ignore[attr-defined]


def test_a_snapshot_is_shown_by_what_it_holds(installation: Path) -> None:
    shown = told("snapshots", "show", SNAPSHOT.sha256[:10])
    assert shown["contents"]["train"]["class"] == {"topic/arts": 1}  # type: ignore[index]
    assert "train, by class: 1 topic/arts" in run("snapshots", "show", "1").output


def test_two_snapshots_are_compared(installation: Path) -> None:
    found = told("snapshots", "diff", "1", "2")
    assert found["added"] == [{"tenant": "default", "item_id": "new"}]  # type: ignore[index]
    words = run("snapshots", "diff", "1", "2").output
    assert "added: 1  default/new" in words
    assert "moved: 0" in words


def test_an_export_leaves_out_what_was_withdrawn_since(installation: Path) -> None:
    words = run("snapshots", "export", "1", "--to", "out").output
    [file] = (installation / "out").iterdir()
    assert pq.read_table(file).column("item_id").to_pylist() == ["cat", "dog"]
    assert "1 items withdrawn since are left out" in words


def test_an_export_as_tar_files_says_how_many(installation: Path) -> None:
    words = run("snapshots", "export", "1", "--to", "out", "--format", "webdataset").output
    assert "wrote 2 items in 2 shards" in words
    again = run("snapshots", "export", "1", "--to", "out", "--format", "webdataset").output
    assert "2 of them there already" in again


def test_a_dry_run_writes_nothing(installation: Path) -> None:
    assert "would write 2 items" in run("snapshots", "export", "1", "--to", "out", "--dry-run").output
    assert not (installation / "out").exists()


def test_a_model_is_followed_back(installation: Path) -> None:
    found = told("lineage", "m-2")
    assert found["model"]["ancestors"] == ["m-1", "m-0"]  # type: ignore[index]
    words = run("lineage", "m-1", "--items", "1").output
    assert "trained on: default/cow and 1 more" in words
    assert "served as: generation 1 (m-1" in words


@pytest.mark.parametrize("name", ["dog", "default/dog", "topic/dog"])
def test_items_and_labels_are_followed_on(installation: Path, name: str) -> None:
    [found] = told("lineage", name)["items"]  # type: ignore[index]
    assert [one["version"] for one in found["models"]] == ["m-1", "m-2", "m-3"]
    assert found["snapshots"][-1]["labels"] == {"topic": 2}
    assert "models that know it: m-1, m-2 (through m-1), m-3 (through m-1)" in run("lineage", name).output


def test_a_name_that_nothing_has_is_refused(installation: Path) -> None:
    with pytest.raises(Misconfigured, match="no model, item or label x"):
        run("lineage", "x")
    with pytest.raises(Misconfigured, match="no label dog"):
        run("lineage", "dog", "--as", "label")
