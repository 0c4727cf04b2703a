import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from annotation.account.arms import Arms
from annotation.account.config import AccountConfig, Score
from annotation.account.drawing import drawn, write_plot
from annotation.account.drawing_up import as_json, from_json
from annotation.account.saved import LabelsSaved, labels_saved
from annotation.account.trial import Trial, parts
from models.heads.config import HeadConfig
from models.labels.accounts import Judgement
from streams.errors import MillraceError, Misconfigured
from tests.unit.annotation.account.invented import alike, gifted, misled

CONFIG = AccountConfig(resamples=25, points=4, folds=3, min_labels=30)


@pytest.fixture(scope="module")
def gain() -> LabelsSaved:
    return labels_saved(gifted(), CONFIG)


def test_an_arm_that_learns_from_fewer_labels_saves_some_beyond_the_interval(gain: LabelsSaved) -> None:
    assert gain.verdict is Judgement.GAIN
    assert gain.share is not None
    assert gain.low is not None
    assert gain.share > gain.low > 0


def test_arms_drawn_alike_show_no_gain() -> None:
    account = labels_saved(alike(), CONFIG)
    assert account.verdict is Judgement.NO_GAIN
    assert account.low is not None
    assert account.high is not None
    assert account.low <= 0 <= account.high


def test_an_arm_that_never_learns_is_behind() -> None:
    assert labels_saved(misled(), CONFIG).verdict is Judgement.BEHIND


@pytest.mark.parametrize("arm", ["random", "active"])
def test_with_few_labels_in_an_arm_nothing_is_said(arm: str) -> None:
    arms = alike()
    account = labels_saved(replace(arms, **{arm: getattr(arms, arm).of(np.arange(29))}), CONFIG)
    assert (account.verdict, account.share) == (Judgement.NOT_ENOUGH_LABELS, None)
    assert f"the {arm} arm has 29, 30 are needed" in account.in_words


def test_labels_of_one_class_are_not_enough() -> None:
    arms = alike()
    one = replace(arms.active, labels=np.full(len(arms.active), "class-1"))
    assert labels_saved(Arms(one, arms.random), CONFIG).verdict is Judgement.NOT_ENOUGH_LABELS


def test_the_arms_are_compared_at_equal_label_counts(gain: LabelsSaved) -> None:
    counts = [point.labels for point in gain.curves.random]
    assert counts == [point.labels for point in gain.curves.active]
    assert counts[-1] == 53  # what the largest of three parts of eighty leaves


def test_the_same_labels_and_seed_give_the_same_account(gain: LabelsSaved) -> None:
    assert labels_saved(gifted(), CONFIG) == gain


def test_an_account_survives_its_json(gain: LabelsSaved) -> None:
    assert from_json(as_json(gain)) == gain


def test_an_account_of_another_release_is_refused_in_words() -> None:
    with pytest.raises(MillraceError, match="another release"):
        from_json('{"verdict": "gain"}')


def test_the_words_name_the_interval_and_its_width(gain: LabelsSaved) -> None:
    assert gain.share is not None
    assert f"saves {gain.share:.0%} of the labels (95 % interval +" in gain.in_words
    assert "points wide" in gain.in_words


def test_accuracy_can_be_what_counts() -> None:
    account = labels_saved(gifted(), CONFIG.model_copy(update={"score": Score.ACCURACY}))
    assert account.score is Score.ACCURACY
    assert account.target is not None
    assert account.target <= max(point.accuracy for point in account.curves.active)


def test_what_is_saved_is_the_ratio_of_the_two_counts(gain: LabelsSaved) -> None:
    assert gain.n_active is not None
    assert gain.n_random is not None
    assert gain.share == pytest.approx(1 - gain.n_active / gain.n_random)


def test_no_label_of_the_random_arm_is_tested_by_a_head_that_saw_it() -> None:
    """Labels without any meaning would be known by heart by a head that trained on them."""
    arms = alike(30)
    meaningless = replace(arms.random, labels=np.array([f"class-{place % 15}" for place in range(30)]))
    trial = Trial.of(Arms(arms.active, meaningless), 3, 0)
    whole = trial.everything()
    assert trial.score(trial.random(trial.training_labels, whole, HeadConfig()), whole, Score.ACCURACY) < 0.3


def test_parts_hold_each_class_alike() -> None:
    truth = np.array([0] * 9 + [1] * 6)
    folds = parts(truth, 3, 0)
    assert [np.bincount(folds[truth == code]).tolist() for code in (0, 1)] == [[3, 3, 3], [2, 2, 2]]


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_the_picture_is_written_in_the_format_that_its_name_says(gain: LabelsSaved, tmp_path: Path, kind: str) -> None:
    file = tmp_path / f"saved.{kind}"
    write_plot(gain, file, "topic")
    content = file.read_bytes()
    assert content.startswith(b"\x89PNG") if kind == "png" else ElementTree.fromstring(content).tag.endswith("svg")


def test_a_picture_of_too_few_labels_says_so() -> None:
    arms = alike()
    account = labels_saved(Arms(arms.active, arms.random.of(np.arange(3))), CONFIG)
    words = [text.get_text() for text in drawn(account, "topic").axes[0].texts]
    assert words == ["no curves: the random arm has 3, 30 are needed"]


def test_another_format_is_refused_in_words(gain: LabelsSaved, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"saved\.xyz: a plot is written as"):
        write_plot(gain, tmp_path / "saved.xyz", "topic")
