"""Encoders by version, with models that need no torch."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from models.heads.bundle import HEADS, HeadBundle, HeadName, bundle_to_bytes
from models.heads.linear import Head
from models.registry.artifacts import ArtifactStore
from models.registry.records import Model, ModelKind
from models.registry.registry import Registry
from models.registry.shelf import KEPT, Shelf
from models.registry.stores.models import Models
from streams.clock import SystemClock
from streams.errors import BadRecord
from tests.unit.consumers.embedding.registered import LIVE, hashing_model, registry_in, shelf_of

SALTED = f"{LIVE}-salt1"
BUNDLE = HeadBundle(
    LIVE, {HeadName("default", "topic"): Head(("a", "b"), np.zeros((2, 384)), np.zeros(2), np.zeros(384), 1.0)}
)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return registry_in(tmp_path)


@pytest.fixture
def shelf(registry: Registry, tmp_path: Path) -> Shelf:
    return shelf_of(registry, tmp_path)


def test_the_configured_encoder_needs_no_registration(shelf: Shelf) -> None:
    assert shelf.get(LIVE) is shelf.configured


def test_a_registered_model_is_loaded_once(registry: Registry, shelf: Shelf) -> None:
    registry.models.register(hashing_model(SALTED, 1))
    assert shelf.get(SALTED).version == SALTED
    assert shelf.get(SALTED) is shelf.get(SALTED)


def test_a_head_stands_for_the_encoder_it_works_on(registry: Registry, shelf: Shelf) -> None:
    registry.models.register(hashing_model(SALTED, 1))
    registry.models.register(Model("head-7", ModelKind.HEAD, SALTED))
    assert shelf.get("head-7") is shelf.get(SALTED)


def test_a_version_that_nobody_registered_is_refused_by_name(shelf: Shelf) -> None:
    with pytest.raises(BadRecord, match="no model mill-7"):
        shelf.get("mill-7")


def test_a_model_that_is_another_one_than_its_name_says_is_refused(registry: Registry, shelf: Shelf) -> None:
    registry.models.register(hashing_model("mill-7", 1))
    with pytest.raises(BadRecord, match=f"mill-7 makes {SALTED}"):
        shelf.get("mill-7")


def brought(registry: Registry, folder: Path, version: str, content: bytes, encoder: str = LIVE) -> Model:
    """Registers a model that brings a file of heads."""
    store, file = ArtifactStore.open(folder / "artifacts"), folder / HEADS
    file.write_bytes(content)
    model = Model(version, ModelKind.HEAD, encoder, artifacts=(store.put_file(file),))
    registry.models.register(model)
    return model


def test_the_heads_that_a_model_brings_come_from_its_file(registry: Registry, shelf: Shelf, tmp_path: Path) -> None:
    brought(registry, tmp_path, "heads-1", bundle_to_bytes(BUNDLE))
    found = shelf.heads("heads-1")
    assert found is not None
    assert (found.encoder_version, set(found.heads)) == (LIVE, set(BUNDLE.heads))


def test_a_model_without_such_a_file_brings_none(registry: Registry, shelf: Shelf) -> None:
    registry.models.register(hashing_model(SALTED, 1))
    assert (shelf.heads(SALTED), shelf.heads(LIVE), shelf.heads("nobody")) == (None, None, None)


def test_heads_of_another_encoder_are_refused(registry: Registry, shelf: Shelf, tmp_path: Path) -> None:
    registry.models.register(hashing_model(SALTED, 1))
    brought(registry, tmp_path, "heads-1", bundle_to_bytes(BUNDLE), encoder=SALTED)
    with pytest.raises(BadRecord, match=f"heads-1 works on {SALTED}, and its heads were fitted to {LIVE}"):
        shelf.heads("heads-1")


def test_heads_that_were_damaged_in_the_store_are_never_opened(
    registry: Registry, shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [artifact] = brought(registry, tmp_path, "heads-1", bundle_to_bytes(BUNDLE)).artifacts
    [stored] = [path for path in (tmp_path / "artifacts").rglob("*") if path.name == artifact.sha256]
    content = bytearray(stored.read_bytes())
    content[-1] ^= 1
    stored.chmod(0o644)
    stored.write_bytes(content)
    monkeypatch.setattr("models.registry.shelf.bundle_from_bytes", pytest.fail)
    with pytest.raises(BadRecord, match=r"artifact_corrupt: heads\.safetensors"):
        shelf.heads("heads-1")


def test_a_file_that_holds_no_heads_is_refused(registry: Registry, shelf: Shelf, tmp_path: Path) -> None:
    brought(registry, tmp_path, "heads-1", save({"weight": np.zeros(3)}))
    with pytest.raises(BadRecord, match="head_unreadable"):
        shelf.heads("heads-1")


def test_a_file_that_is_too_large_is_not_even_fetched(
    registry: Registry, shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    brought(registry, tmp_path, "heads-1", bundle_to_bytes(BUNDLE))
    monkeypatch.setattr("models.heads.bundle.MAX_BYTES", 10)
    with pytest.raises(BadRecord, match="heads_too_large"):
        shelf.heads("heads-1")
    assert not (tmp_path / "models").exists()


def test_models_that_were_not_asked_for_lately_are_let_go(registry: Registry, shelf: Shelf) -> None:
    names = [f"{LIVE}-salt{salt}" for salt in range(1, KEPT + 2)]
    for salt, name in enumerate(names, start=1):
        registry.models.register(hashing_model(name, salt))
    first, second = shelf.get(names[0]), shelf.get(names[1])
    for name in names[2:]:
        shelf.get(name)
        assert shelf.get(names[0]) is first
    assert shelf.get(names[1]) is not second


def test_who_asks_for_the_configured_encoder_does_not_wait_while_another_one_is_loaded(
    registry: Registry, tmp_path: Path
) -> None:
    asked, go_on = threading.Event(), threading.Event()

    class Slow(Models):
        def get(self, version: str) -> Model | None:
            asked.set()
            assert go_on.wait(30)
            return super().get(version)

    registry.models = Slow(registry.engine, SystemClock())
    registry.models.register(hashing_model(SALTED, 1))
    shelf = shelf_of(registry, tmp_path)
    configured = shelf.configured
    with ThreadPoolExecutor(2) as pool:
        loading = pool.submit(shelf.get, SALTED)
        assert asked.wait(30)
        try:
            assert pool.submit(shelf.get, LIVE).result(5) is configured
        finally:
            go_on.set()
        assert loading.result(30).version == SALTED
