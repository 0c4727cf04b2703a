"""Requests as tasks and predictions."""

from dataclasses import replace
from typing import Any

import pytest

from annotation.label_studio.sending.drafts import drawn, item_version, score_of
from schemas.annotations import Arm, Prediction
from schemas.items import MediaRef, Modality
from tests.unit.annotation.label_studio.bridge_builders import DESK, request, task


def test_what_teaches_most_is_served_first() -> None:
    assert score_of(request(acquisition=0.9)) < score_of(request(acquisition=0.2))


def test_a_witness_is_drawn_whatever_the_model_thinks_of_it() -> None:
    scores = {score_of(request(arm=Arm.RANDOM, acquisition=a, model_version=f"m{a}")) for a in (0.1, 0.9, None)}
    assert len(scores) == 1


def test_witnesses_are_spread_evenly() -> None:
    scores = sorted(score_of(request(f"item-{n}", arm=Arm.RANDOM)) for n in range(2_000))
    assert max(abs(score - (n + 0.5) / 2_000) for n, score in enumerate(scores)) < 0.04


def test_a_task_names_its_item_version_and_request() -> None:
    draft = DESK.draft(request("a", version=4), "m1")
    assert (draft.data["item_id"], draft.data["item_version"]) == ("a", 4)
    assert draft.meta == {"request_id": str(request("a", version=4).event_id)}


def test_media_are_shown_by_their_link() -> None:
    ref = MediaRef(uri="media/ab/cd", sha256="0" * 64, length=1, media_type="image/png")
    desk = replace(DESK, task=DESK.task.model_copy(update={"modalities": (Modality.IMAGE,)}))
    data = desk.data(request(modality=Modality.IMAGE, text=None, media=ref))
    assert "http://media/media/ab/cd" in data.values()


def test_an_active_task_starts_from_the_models_answer() -> None:
    prediction = DESK.prediction(request(), "m1")
    assert prediction.score == 0.25
    assert prediction.result[0]["value"] == {"choices": ["good"]}


@pytest.mark.parametrize("fields", [{"arm": Arm.RANDOM}, {"purpose": "gold"}, {"purpose": "adjudication"}])
def test_nobody_is_led_where_the_answer_must_be_their_own(fields: dict[str, Any]) -> None:
    asking = request(**fields)
    assert DESK.prediction(asking, "m1").result == []
    assert not DESK.shows_prelabel(asking)


def test_prelabels_can_be_switched_off() -> None:
    assert replace(DESK, prelabels=False).prediction(request(), "m1").result == []


def test_spread_tasks_are_clustered_by_predicted_class_and_get_their_prediction_afterwards() -> None:
    desk = replace(DESK, spread=True)
    asking = request(predicted=(Prediction(label="bad", probability=0.9),))
    assert desk.prediction(asking, "m1").cluster == 1
    assert desk.draft(asking, "m1").predictions == ()


def test_the_cluster_of_a_witness_is_drawn() -> None:
    desk = replace(DESK, spread=True)
    clusters = [desk.prediction(request(f"i{n}", arm=Arm.RANDOM), "m1").cluster for n in range(100)]
    assert 25 < sum(cluster or 0 for cluster in clusters) < 75


def test_a_draw_depends_on_the_task() -> None:
    assert drawn(request(), "score") != drawn(request(task="other"), "score")


def test_a_task_made_by_hand_has_no_version() -> None:
    assert item_version(task(data={"item_id": "a"})) is None
    assert item_version(task(data={"item_id": "a", "item_version": True})) is None
