"""From a trained model to the gate's verdict."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid5

import pytest

from models.registry.records import Model, ModelKind
from schemas.event import Event
from schemas.training import ModelEvaluated, ModelTrained
from streams.errors import BadRecord, Unavailable
from tests.unit.trainers.evaluation.judged import LIVE, Court
from tests.unit.trainers.evaluation.world import BrokenEncoder, NumberlessEncoder, SkilledEncoder
from trainers.evaluation.asking import ask_again
from trainers.gate.config import GateConfig


@pytest.fixture
def court(tmp_path: Path) -> Court:
    return Court(tmp_path)


def only(events: Sequence[Event]) -> ModelEvaluated:
    [event] = events
    assert isinstance(event, ModelEvaluated)
    return event


def test_a_better_model_is_told_to_have_passed(court: Court) -> None:
    court.candidate("candidate", 0.9)
    court.evaluate()
    fact = only(court.published())
    assert fact.passed
    assert (fact.model_version, fact.live_version, fact.items) == ("candidate", LIVE, 60)
    assert fact.snapshot_sha256 == court.manifest.sha256


def test_the_verdict_follows_from_the_trained_model(court: Court) -> None:
    trained = court.candidate("candidate", 0.9)
    court.evaluate()
    fact = only(court.published())
    assert fact.event_id == uuid5(trained.event_id, "ModelEvaluated/0")
    assert fact.traceparent[3:35] == trained.traceparent[3:35]


def test_encoding_times_of_both_are_among_the_metrics(court: Court) -> None:
    court.candidate("candidate", 0.9)
    court.evaluate()
    assert {"encode_ms", "encode_ratio"} <= {metric.name for metric in only(court.published()).metrics}


def test_a_worse_model_is_refused_with_the_items_it_lost(court: Court) -> None:
    court.encoders.encoders[LIVE] = SkilledEncoder(0.9, LIVE)
    court.candidate("candidate", 0.1)
    court.evaluate()
    fact = only(court.published())
    assert not fact.passed
    assert fact.regressions


def test_a_model_that_is_delivered_twice_is_evaluated_once(court: Court) -> None:
    trained = court.candidate("candidate", 0.9)
    court.told(trained, trained)
    court.evaluate()
    assert len(court.registry.evaluations.list()) == 1


def test_a_corrupt_model_fails_and_the_next_one_is_judged(court: Court) -> None:
    corrupt = court.candidate("corrupt", None)
    court.candidate("candidate", 0.9)
    court.evaluate()
    failed = court.registry.evaluations.get(str(corrupt.event_id))
    assert failed is not None
    assert failed.failure == "artifact_corrupt: image-tower.safetensors of corrupt holds other bytes"
    assert only(court.published()).model_version == "candidate"


def test_a_model_whose_vectors_are_no_numbers_fails_and_the_next_one_is_judged(court: Court) -> None:
    court.encoders.encoders["broken"] = NumberlessEncoder(0.9, "broken")
    trained = court.candidate("broken", None)
    court.candidate("candidate", 0.9)
    court.evaluate()
    failed = court.registry.evaluations.get(str(trained.event_id))
    assert failed is not None
    assert failed.failure == "no_vectors: broken gives vectors that are no finite numbers"
    assert only(court.published()).model_version == "candidate"


def test_a_model_whose_snapshot_is_gone_fails_with_that_reason(court: Court) -> None:
    trained = court.candidate("candidate", 0.9, snapshot_sha256="1" * 64)
    court.evaluate()
    failed = court.registry.evaluations.get(str(trained.event_id))
    assert failed is not None
    assert "the snapshot is gone" in (failed.failure or "")


def test_a_model_without_a_snapshot_cannot_be_measured(court: Court) -> None:
    trained = court.candidate("candidate", 0.9, snapshot_sha256="")
    court.evaluate()
    failed = court.registry.evaluations.get(str(trained.event_id))
    assert failed is not None
    assert "trained on no snapshot" in (failed.failure or "")


def test_a_model_that_nobody_registered_cannot_be_measured(court: Court) -> None:
    evaluation_id, _ = ask_again(court.registry.evaluations, "mill-7", "somebody")
    court.evaluate()
    failed = court.registry.evaluations.get(evaluation_id)
    assert failed is not None
    assert "no model mill-7 is registered" in (failed.failure or "")


def test_a_request_that_cannot_be_read_fails_alone(court: Court) -> None:
    court.registry.evaluations.ask("no-uuid", "candidate", "{")
    court.candidate("candidate", 0.9)
    court.evaluate()
    assert only(court.published()).passed


def test_after_a_withdrawal_being_as_good_suffices(court: Court) -> None:
    court.encoders.encoders["twin"] = court.encoders.encoders[LIVE]
    court.candidate("twin", None, cause="withdrawal")
    court.evaluate()
    assert only(court.published()).passed


def test_otherwise_being_as_good_does_not(court: Court) -> None:
    court.encoders.encoders["twin"] = court.encoders.encoders[LIVE]
    court.candidate("twin", None)
    court.evaluate()
    assert not only(court.published()).passed


def test_a_person_may_have_to_agree(tmp_path: Path) -> None:
    court = Court(tmp_path, GateConfig(approval=True, latency_rounds=2, latency_items=1, max_latency_ratio=100))
    court.candidate("candidate", 0.9)
    court.evaluate()
    assert only(court.published()).needs_approval


def test_a_head_is_judged_by_its_heads_alone(court: Court) -> None:
    court.encoders.encoders[LIVE] = SkilledEncoder(0.9, LIVE)
    court.head("head-1")
    court.evaluate()
    fact = only(court.published())
    assert fact.passed
    assert (fact.kind, {metric.name for metric in fact.metrics}) == (
        "head",
        {"class_score", "log_loss", "accuracy", "macro_f1", "calibration_error"},
    )


def test_a_head_is_measured_against_the_heads_that_the_live_model_brings(court: Court) -> None:
    """Registered ones: the same heads under two names are no gain, whatever the live one's labels would teach."""
    court.encoders.encoders[LIVE] = SkilledEncoder(0.9, LIVE)
    court.head("head-1")
    court.encoders.bundles[LIVE] = court.encoders.bundles["head-1"]
    court.evaluate()
    fact = only(court.published())
    assert not fact.passed
    scores = {metric.name: metric for metric in fact.metrics}
    assert scores["class_score"].candidate == scores["class_score"].live


def test_a_head_whose_file_is_missing_fails_by_name(court: Court) -> None:
    trained = court.trained(Model("head-1", ModelKind.HEAD, LIVE, snapshot_sha256=court.manifest.sha256))
    court.evaluate()
    failed = court.registry.evaluations.get(str(trained.event_id))
    assert failed is not None
    assert failed.failure == "artifact_missing: head-1 has no file heads.safetensors: there is nothing to measure"


def test_both_heads_are_measured_on_vectors_that_are_made_once(court: Court) -> None:
    court.encoders.encoders[LIVE] = encoder = SkilledEncoder(0.9, LIVE)
    court.head("head-1")
    seen = encoder.images_encoded
    court.evaluate()
    assert encoder.images_encoded - seen == 60


def test_asked_by_a_person_a_model_is_judged_again(court: Court) -> None:
    court.candidate("candidate", 0.9)
    court.evaluate()
    ask_again(court.registry.evaluations, "candidate", "somebody")
    court.evaluate()
    first, second = court.registry.evaluations.list()
    assert first.evaluation_id != second.evaluation_id
    assert first.verdict is not None
    assert first.verdict.passed


def test_whoever_asks_while_an_evaluation_is_open_gets_that_one(court: Court) -> None:
    trained = court.candidate("candidate", 0.9)
    assert ask_again(court.registry.evaluations, "candidate", "somebody") == (str(trained.event_id), False)


def test_while_something_is_away_the_evaluation_waits(court: Court, tmp_path: Path) -> None:
    court.candidate("candidate", 0.9)
    shutil.move(tmp_path / "media", tmp_path / "away")
    with pytest.raises(Unavailable):
        court.evaluator.look()
    assert len(court.registry.evaluations.open()) == 1


def test_an_evaluator_that_is_stopped_leaves_the_evaluation_open(court: Court) -> None:
    court.candidate("candidate", 0.9)
    court.evaluator.stop()
    assert court.evaluator.look() is False
    assert len(court.registry.evaluations.open()) == 1


def test_anything_but_a_trained_model_is_set_aside(court: Court) -> None:
    [outcome] = court.told(Event())
    assert isinstance(outcome, BadRecord)


def test_a_verdict_is_published_until_it_is_acknowledged_and_not_again(court: Court) -> None:
    court.candidate("candidate", 0.9)
    court.evaluate()
    assert len(court.published()) == 1
    assert court.published() == []


def test_trained_models_are_read_and_evaluated_ones_are_told(court: Court) -> None:
    assert [kind for topic in court.stage.sources for kind in topic.events] == [ModelTrained]
    assert [kind for topic in court.stage.answers for kind in topic.events] == [ModelEvaluated]


def test_a_model_that_breaks_holds_up_nobody_else(court: Court) -> None:
    court.candidate("broken", 0.9)
    court.encoders.encoders["broken"] = BrokenEncoder(0.9, "broken")
    court.candidate("candidate", 0.9)
    court.evaluate()
    court.evaluate()
    [failed] = [one for one in court.registry.evaluations.list() if one.model_version == "broken"]
    assert failed.failure == "broken_model: it cannot be measured: RuntimeError shapes cannot be multiplied"
    assert only(court.published()).model_version == "candidate"
