from pathlib import Path

import numpy as np
import pytest
import torch

from models.encoders.config import EncoderConfig
from models.encoders.mini import MillraceMini
from models.encoders.released import IMAGE_TOWER, TEXT_ADAPTER, load_released
from schemas.items import Modality
from streams.errors import BadRecord
from streams.media.store import MediaStore
from tests.integration.trainers.learning.digits import Digits
from tests.integration.trainers.learning.learner import learn
from tests.integration.trainers.learning.questions import OTHERS, apartness, questions
from trainers.learning.batches.shapes import Texts
from trainers.learning.data.dataset import PARENT, Dataset, open_dataset
from trainers.learning.data.materialise import materialise
from trainers.learning.trainee import Trainee, build, export
from trainers.recipes.overrides import resolved
from trainers.recipes.recipe import Recipe
from trainers.snapshots.manifest import Manifest

LABELS = 100


@pytest.fixture(scope="module")
def encoder() -> MillraceMini:
    return MillraceMini.load(EncoderConfig(threads=1))


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> MediaStore:
    return MediaStore.open(tmp_path_factory.mktemp("media"))


@pytest.fixture(scope="module")
def digits() -> Digits:
    return Digits()


def prepared(manifest: Manifest, recipe: Recipe, media: MediaStore, parent: MillraceMini, folder: Path) -> Dataset:
    return open_dataset(materialise(manifest, recipe, media, parent, [], folder))


def released(trainee: Trainee, folder: Path, parent: MillraceMini) -> MillraceMini:
    return load_released(EncoderConfig(), {path.name: path for path in export(trainee, folder)}, parent.texts)


class TestPictures:
    RECIPE = resolved("default", {"steps": 60})

    @pytest.fixture(scope="class")
    @classmethod
    def data(
        cls, digits: Digits, media: MediaStore, encoder: MillraceMini, tmp_path_factory: pytest.TempPathFactory
    ) -> Dataset:
        folder = tmp_path_factory.mktemp("data") / "set"
        return prepared(digits.manifest(media, LABELS), cls.RECIPE, media, encoder, folder)

    @pytest.fixture(scope="class")
    @classmethod
    def candidate(cls, data: Dataset, encoder: MillraceMini, tmp_path_factory: pytest.TempPathFactory) -> MillraceMini:
        trainee = build(cls.RECIPE, data)
        learn(trainee, data, cls.RECIPE)
        return released(trainee, tmp_path_factory.mktemp("out"), encoder)

    def test_a_hundred_labels_make_an_untrained_tower_see(
        self, digits: Digits, encoder: MillraceMini, candidate: MillraceMini
    ) -> None:
        before, after = digits.quality(encoder), digits.quality(candidate)
        assert before.precision_at_10 < 0.3
        assert before.accuracy < 0.3
        assert after.precision_at_10 > 0.9
        assert after.accuracy > 0.85

    def test_what_was_learnt_is_a_space_of_its_own_and_trained(
        self, encoder: MillraceMini, candidate: MillraceMini
    ) -> None:
        assert candidate.version != encoder.version
        assert candidate.untrained == frozenset()

    def test_texts_stay_where_they_were(self, encoder: MillraceMini, candidate: MillraceMini) -> None:
        np.testing.assert_array_equal(candidate.encode_texts(["a seven"]), encoder.encode_texts(["a seven"]))

    def test_the_next_run_starts_from_what_this_one_learnt(
        self, digits: Digits, media: MediaStore, candidate: MillraceMini, tmp_path: Path
    ) -> None:
        recipe = resolved("smoke")
        data = prepared(digits.manifest(media, 20), recipe, media, candidate, tmp_path / "set")
        assert released(build(recipe, data), tmp_path / "out", candidate).version == candidate.version

    def test_the_same_snapshot_and_recipe_make_the_same_data_set(
        self, data: Dataset, digits: Digits, media: MediaStore, encoder: MillraceMini, tmp_path: Path
    ) -> None:
        again = prepared(digits.manifest(media, LABELS), self.RECIPE, media, encoder, tmp_path / "set")
        assert again.sha256 == data.sha256

    def test_a_picture_that_is_gone_is_left_out_and_named(
        self, digits: Digits, media: MediaStore, encoder: MillraceMini, tmp_path: Path
    ) -> None:
        manifest = digits.manifest(media, 3)
        gone = manifest.rows[1].media
        assert gone is not None
        media.delete(gone)
        data = prepared(manifest, self.RECIPE, media, encoder, tmp_path / "set")
        assert data.size("pairs") == 2
        assert data.facts.left_out == (f"{gone.uri}: media_missing",)

    def test_a_snapshot_without_examples_is_refused(
        self, media: MediaStore, encoder: MillraceMini, tmp_path: Path
    ) -> None:
        with pytest.raises(BadRecord, match="nothing_to_learn"):
            materialise(Manifest.of("default", "", [], []), self.RECIPE, media, encoder, [], tmp_path)


class TestTexts:
    RECIPE = resolved("text-lora", {"steps": 12, "batch": 12, "side_batch": 4, "learning_rate": 0.003})

    @pytest.fixture(scope="class")
    @classmethod
    def trained(
        cls, media: MediaStore, encoder: MillraceMini, tmp_path_factory: pytest.TempPathFactory
    ) -> tuple[Trainee, Dataset, list[float]]:
        data = prepared(questions(), cls.RECIPE, media, encoder, tmp_path_factory.mktemp("data") / "set")
        trainee = build(cls.RECIPE, data)
        return trainee, data, learn(trainee, data, cls.RECIPE)

    @pytest.fixture(scope="class")
    @classmethod
    def candidate(
        cls,
        trained: tuple[Trainee, Dataset, list[float]],
        encoder: MillraceMini,
        tmp_path_factory: pytest.TempPathFactory,
    ) -> MillraceMini:
        return released(trained[0], tmp_path_factory.mktemp("out"), encoder)

    def test_texts_of_a_class_draw_together_and_classes_apart(
        self, encoder: MillraceMini, candidate: MillraceMini
    ) -> None:
        assert apartness(candidate) > apartness(encoder) + 0.1

    def test_texts_that_nobody_labelled_stay_about_where_they_were(
        self, encoder: MillraceMini, candidate: MillraceMini
    ) -> None:
        assert (encoder.encode_texts(OTHERS) * candidate.encode_texts(OTHERS)).sum(axis=1).min() > 0.8

    def test_the_released_tower_reads_as_the_live_one_does(
        self, trained: tuple[Trainee, Dataset, list[float]], candidate: MillraceMini
    ) -> None:
        trainee, data, _ = trained
        places = np.array([len(data.columns["texts.vector"]) - 1, 0])
        vectors, tokens = data.columns["texts.vector"][places], data.columns["texts.tokens"][places].astype(np.int64)
        real = np.arange(tokens.shape[1]) < data.columns["texts.length"][places][:, None]
        assert trainee.texts is not None
        with torch.no_grad():
            live = trainee.texts(Texts(*map(torch.from_numpy, (vectors, tokens, real)))).numpy()
        rows = sorted(questions().rows, key=lambda row: row.key)
        texts = [row.text or "" for row in (rows[-1], rows[0])]
        np.testing.assert_allclose(candidate.encode_texts(texts), live, atol=1e-5)

    def test_its_version_names_adapter_and_base(self, encoder: MillraceMini, candidate: MillraceMini) -> None:
        assert candidate.version != encoder.version
        assert candidate.texts.plain_digest == encoder.texts.digest

    def test_an_untrained_picture_tower_is_still_called_untrained(self, candidate: MillraceMini) -> None:
        assert candidate.untrained == {Modality.IMAGE}

    def test_the_configured_encoder_is_what_it_was(self, encoder: MillraceMini) -> None:
        fresh = MillraceMini.load(EncoderConfig())
        assert encoder.version == fresh.version == "millrace-mini-7a9d23d5"
        np.testing.assert_array_equal(encoder.encode_texts(OTHERS), fresh.encode_texts(OTHERS))

    def test_a_recipe_that_leaves_texts_alone_hands_the_adapter_on(
        self, digits: Digits, media: MediaStore, candidate: MillraceMini, tmp_path: Path
    ) -> None:
        recipe = resolved("smoke")
        data = prepared(digits.manifest(media, 12), recipe, media, candidate, tmp_path / "set")
        files = export(build(recipe, data), tmp_path / "out")
        assert [path.name for path in files] == [IMAGE_TOWER, TEXT_ADAPTER]
        assert files[1].read_bytes() == (data.folder / PARENT / TEXT_ADAPTER).read_bytes()


def test_released_files_without_a_picture_tower_are_refused_by_name(encoder: MillraceMini) -> None:
    with pytest.raises(BadRecord, match=IMAGE_TOWER):
        load_released(EncoderConfig(), {}, encoder.texts)


@pytest.mark.parametrize("name", [IMAGE_TOWER, TEXT_ADAPTER])
def test_a_released_file_of_another_kind_is_refused_by_name(encoder: MillraceMini, tmp_path: Path, name: str) -> None:
    encoder.images.save(tmp_path / IMAGE_TOWER)
    (tmp_path / name).write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    with pytest.raises(BadRecord, match=name):
        load_released(EncoderConfig(), {each: tmp_path / each for each in {IMAGE_TOWER, name}}, encoder.texts)
