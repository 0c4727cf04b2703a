"""The bridge is killed at every named place, and the labels are those of an undisturbed run."""

import sys
from pathlib import Path

import pytest

from annotation.label_studio.client.label_studio import LabelStudio
from tests.faults.bridge.people import true_label
from tests.faults.bridge.points import Point, Sabotage
from tests.faults.bridge.trial import Trial, run
from tests.studio import Place

POINTS = list(Point)
PATIENCE_S = 90.0
SABOTAGED_PATIENCE_S = 15.0


def judged(trial: Trial, points: list[Point], patience_s: float) -> list[str]:
    with trial:
        run(trial, points)
        wrong = trial.finish(patience_s)
        counts = f"{len(trial.items)} requests, {len(trial.withdrawn)} withdrawn, {len(trial.people.given)} answers"
        sys.stdout.write(f"{counts}; {sum(trial.kills.values())} kills: {dict(trial.kills)}\n")
    return wrong


def undisturbed(trial: Trial) -> dict[str, str]:
    """The label that every item must have, had nobody died."""
    return {item: true_label(trial.task, item) for item in trial.items if item not in trial.withdrawn}


@pytest.mark.timeout(900)
def test_killed_at_every_place_the_labels_are_those_of_an_undisturbed_run(
    client: LabelStudio, label_studio: Place, tmp_path: Path
) -> None:
    trial = Trial(client, label_studio.token, tmp_path)
    points = (POINTS * 2)[:26]
    assert judged(trial, points, PATIENCE_S) == []
    assert dict(trial.people.given.values()) == undisturbed(trial)
    assert sum(trial.kills.values()) == 26
    assert trial.kills["time"] <= 6


@pytest.mark.long_faults
@pytest.mark.timeout(3600)
def test_killed_two_hundred_times_the_labels_are_those_of_an_undisturbed_run(
    client: LabelStudio, label_studio: Place, tmp_path: Path
) -> None:
    trial = Trial(client, label_studio.token, tmp_path)
    points = POINTS * 15
    assert judged(trial, points, PATIENCE_S) == []
    assert dict(trial.people.given.values()) == undisturbed(trial)
    assert sum(trial.kills.values()) >= 200


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("switch", "point", "complaint"),
    [
        (Sabotage.SENT_BEFORE_SENDING, Point.BEFORE_IMPORT, "has 0 tasks"),
        (Sabotage.FORGET_KNOWN, Point.AFTER_MARK, "too many"),
    ],
)
def test_a_broken_rule_is_noticed(
    client: LabelStudio, label_studio: Place, tmp_path: Path, switch: Sabotage, point: Point, complaint: str
) -> None:
    trial = Trial(client, label_studio.token, tmp_path, switch)
    with trial:
        trial.ask(20)  # enough for every kind of story
        run(trial, [point] * 3)
        assert trial.finish(SABOTAGED_PATIENCE_S) != []
        assert any(complaint in fault for fault in trial.wrong())
