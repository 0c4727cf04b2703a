"""The parts of a process, as they are put together."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from infra.settings import Settings
from infra.wiring.learning import learning_of
from infra.wiring.workshop import Workshop
from models.encoders.config import EncoderConfig, EncoderKind
from models.heads.bundle import HEADS, HeadBundle, HeadName, bundle_to_bytes
from models.heads.linear import Head
from models.registry.records import Model, ModelKind
from schemas.training import ReleaseKind
from streams.errors import Misconfigured
from tests.contract.registry import rollout
from trainers.recipes.head import HeadRecipe


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    workshop = Workshop(Settings(data_dir=tmp_path, encoder=EncoderConfig(kind=EncoderKind.HASHING)))
    with workshop.close:
        yield workshop


def test_the_heads_of_the_model_that_serves_answer(workshop: Workshop, tmp_path: Path) -> None:
    encoder, registry = workshop.shelf.configured, workshop.registry
    head = Head(("a", "b"), np.zeros((2, encoder.dim)), np.zeros(2), np.zeros(encoder.dim), 1.0)
    (tmp_path / HEADS).write_bytes(bundle_to_bytes(HeadBundle(encoder.version, {HeadName("default", "topic"): head})))
    artifacts = (workshop.artifacts.put_file(tmp_path / HEADS),)
    registry.models.register(Model("heads-1", ModelKind.HEAD, encoder.version, artifacts=artifacts))
    versions = {"encoder_version": encoder.version, "previous_encoder_version": encoder.version}
    way = rollout(model_version="heads-1", previous_version=encoder.version, **versions)
    assert registry.rollouts.begin(way)
    assert registry.rollouts.switch(way, 0, ReleaseKind.RELEASE)
    workshop.live.load()
    labelling = workshop.live.labelling()
    assert (labelling.generation, labelling.model_version) == (1, "heads-1")
    assert labelling.heads is not None
    assert labelling.heads.tasks("default") == ["topic"]


def test_the_api_checks_recipes_of_either_type_by_their_fields(workshop: Workshop) -> None:
    learning = learning_of(workshop)
    assert learning.check_recipe("head", {"folds": 3}) == HeadRecipe(folds=3)
    with pytest.raises(Misconfigured, match="recipe head: steps"):
        learning.check_recipe("head", {"steps": 400})
