from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from structlog.testing import capture_logs

from models.encoders.port import Vectors
from models.heads.bundle import HeadBundle, HeadName, bundle_to_bytes
from models.registry.records import Progress
from schemas.annotations import Arm
from streams.errors import BadRecord
from tests.unit.trainers.evaluation.world import THINGS, SkilledEncoder, snapshot, store
from tests.unit.trainers.learning.heads.taught import TONE, TOPIC, WORDS, Reader, both_sides, taught, text
from trainers.learning.heads import lessons
from trainers.learning.heads.fitting import fit_heads
from trainers.recipes.head import HeadRecipe
from trainers.snapshots.manifest import Manifest
from trainers.snapshots.rows import Row, Split, TaskFacts, TaskLabel

RECIPE = HeadRecipe()
ABOUT = HeadName("default", "topic")


class NoMedia:
    """Texts need none."""

    def get(self, ref: object) -> bytes:
        raise AssertionError(f"nobody asked for {ref}")


def fit(manifest: Manifest, recipe: HeadRecipe = RECIPE, encoder: Reader | None = None, **others: Any) -> HeadBundle:
    return fit_heads(manifest, recipe, encoder or Reader(), NoMedia(), **others)  # type: ignore[arg-type]


def tampered(rows: list[Row]) -> list[Row]:
    """Other labels on the evaluation side."""
    return [
        replace(row, labels=(TaskLabel("topic", ("sport",), 1.0, Arm.RANDOM, 3),))
        if row.split is Split.EVALUATION
        else row
        for row in rows
    ]


def test_a_head_has_learnt_the_classes_of_its_task() -> None:
    encoder = Reader()
    bundle = fit(taught(both_sides()), encoder=encoder)
    head = bundle.heads[ABOUT]
    said = head.probabilities(encoder.encode_texts(["the choir sang", "the minister resigned", "a late goal"]))
    assert bundle.encoder_version == encoder.version
    assert head.classes == tuple(sorted(WORDS))
    assert [head.classes[place] for place in said.argmax(axis=1)] == ["arts", "news", "sport"]


def test_equal_snapshots_give_equal_bytes() -> None:
    assert bundle_to_bytes(fit(taught(both_sides()))) == bundle_to_bytes(fit(taught(both_sides())))


def test_the_evaluation_side_is_neither_read_nor_believed() -> None:
    encoder, rows = Reader(), both_sides()
    bundle = fit(taught(rows), encoder=encoder)
    assert bundle_to_bytes(bundle) == bundle_to_bytes(fit(taught(tampered(rows))))
    evaluation = {row.text for row in rows if row.split is Split.EVALUATION}
    assert not any(one in read for one in evaluation if one for read in encoder.read)


@pytest.mark.parametrize("split", [Split.EVALUATION, Split.EXCLUDED])
def test_sides_that_are_not_for_training_teach_nothing(split: Split) -> None:
    rows = [replace(row, split=split) for row in both_sides()]
    assert fit(taught(rows)).heads == {}


def test_labels_of_the_evaluation_side_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sabotage: were they let in, the bytes would be other ones."""
    rows = both_sides()
    honest = bundle_to_bytes(fit(taught(rows)))
    monkeypatch.setattr(Manifest, "of_split", lambda manifest, split: list(manifest.rows))
    assert bundle_to_bytes(fit(taught(rows))) != honest
    assert bundle_to_bytes(fit(taught(rows))) != bundle_to_bytes(fit(taught(tampered(rows))))


def test_each_class_task_has_its_own_head() -> None:
    rows = [text(place, tone=("warm", "cold")[place % 2]) for place in range(30)]
    heads = fit(taught(rows, TOPIC, TONE)).heads
    assert {name.task: head.classes for name, head in heads.items()} == {
        "topic": ("arts", "news", "sport"),
        "tone": ("cold", "warm"),
    }


@pytest.mark.parametrize("kind", ["multi_label", "caption", "relevance"])
def test_tasks_of_other_kinds_have_none(kind: str) -> None:
    assert fit(taught(both_sides(), TaskFacts("topic", "default", kind, tuple(WORDS)))).heads == {}


def test_a_task_whose_labels_are_all_of_one_class_has_none() -> None:
    assert fit(taught([text(place, topic="arts") for place in range(20)])).heads == {}


def test_a_tenant_does_not_learn_from_another() -> None:
    theirs = replace(TOPIC, tenant="acme")
    rows = both_sides()
    rows += [replace(row, tenant="acme", labels=text(n, topic="arts").labels) for n, row in enumerate(rows)]
    heads = fit(taught(rows, TOPIC, theirs)).heads
    assert set(heads) == {ABOUT}
    np.testing.assert_array_equal(heads[ABOUT].weights, fit(taught(both_sides())).heads[ABOUT].weights)


def test_a_label_that_nobody_trusts_teaches_nothing_and_little_trust_little() -> None:
    wrong = TaskLabel("topic", ("sport",), 0.0, Arm.ACTIVE, 0)
    rows = both_sides()
    doubted = [replace(text(200 + n), text="choir painting", labels=(wrong,), group=200 + n) for n in range(10)]
    honest = fit(taught(rows)).heads[ABOUT]
    np.testing.assert_array_equal(fit(taught([*rows, *doubted])).heads[ABOUT].weights, honest.weights)
    encoder = Reader()
    choir = encoder.encode_texts(["choir painting"])
    arts = []
    for trust in (0.05, 0.9):
        some = [replace(row, labels=(replace(wrong, trust=trust),)) for row in doubted]
        arts.append(fit(taught([*rows, *some])).heads[ABOUT].probabilities(choir)[0, 0])
    assert arts[0] > arts[1]


def test_a_sample_is_the_same_however_the_rows_came() -> None:
    few = HeadRecipe(max_items=12)
    rows = both_sides()
    drawn = [one.row.item_id for lesson in lessons.lessons(taught(rows), few) for one in lesson.labels]
    assert len(drawn) == 12
    assert drawn == [one.row.item_id for each in lessons.lessons(taught(rows[::-1]), few) for one in each.labels]
    other = lessons.lessons(taught(rows), HeadRecipe(max_items=12, seed=1))
    assert drawn != [one.row.item_id for each in other for one in each.labels]


@pytest.mark.parametrize("fields", [{"inverse_penalty": 0.1}, {"max_steps": 1}, {"max_items": 10}])
def test_what_a_recipe_says_decides_the_head(fields: dict[str, float]) -> None:
    recipe = HeadRecipe.model_validate(fields)
    assert bundle_to_bytes(fit(taught(both_sides()), recipe)) != bundle_to_bytes(fit(taught(both_sides())))


def test_near_duplicates_are_in_one_fold() -> None:
    """Or a head would be judged by what it has nearly seen, and find itself better than it is."""
    drawn = np.random.default_rng(0).choice(list(WORDS), 30).tolist()
    copies = [replace(text(n // 4, topic=drawn[n // 4]), item_id=f"copy-{n:03}", group=n // 4 * 4) for n in range(120)]
    alone = [replace(row, group=place) for place, row in enumerate(copies)]
    together, apart = (fit(taught(some)).heads[ABOUT] for some in (copies, alone))
    np.testing.assert_array_equal(together.weights, apart.weights)
    assert together.temperature > apart.temperature


def test_pictures_are_seen_and_those_that_cannot_be_are_left_out(tmp_path: Path) -> None:
    media = store(tmp_path)
    manifest = snapshot(media)
    gone = manifest.of_split(Split.TRAIN)[0].media
    assert gone is not None
    media.delete(gone)
    bundle = fit_heads(manifest, RECIPE, SkilledEncoder(0.9), media)
    assert bundle.heads[HeadName("default", THINGS.name)].classes == tuple(sorted(THINGS.labels))


def test_no_picture_of_the_evaluation_side_is_fetched(tmp_path: Path) -> None:
    media = store(tmp_path)
    manifest = snapshot(media)
    for row in manifest.of_split(Split.EVALUATION):
        assert row.media is not None
        media.delete(row.media)
    with capture_logs() as logs:
        assert fit_heads(manifest, RECIPE, SkilledEncoder(0.9), media).heads
    assert [log for log in logs if log["event"].startswith("left out")] == []


def test_how_far_it_is_is_told() -> None:
    told: list[Progress] = []
    fit(taught(both_sides()), tell=told.append)
    assert [(one.phase, one.step, one.steps) for one in told] == [("heads", 45, 45)]
    assert told[0].items_per_s > 0


@pytest.mark.parametrize("after", range(6))
def test_it_can_be_given_up_between_two_pieces_of_work(after: int) -> None:
    """Before a batch of texts, before a head, before the head of each fold."""
    rested = count()

    class GivenUpError(Exception):
        pass

    def rest() -> None:
        if next(rested) == after:
            raise GivenUpError

    with pytest.raises(GivenUpError):
        fit(taught(both_sides()), rest=rest)


class Tired(Reader):
    def encode_texts(self, texts: Any) -> Vectors:
        return super().encode_texts(texts) * np.nan


def test_an_encoder_that_gives_no_numbers_is_refused() -> None:
    with pytest.raises(BadRecord, match="no finite numbers"):
        fit(taught(both_sides()), encoder=Tired())
