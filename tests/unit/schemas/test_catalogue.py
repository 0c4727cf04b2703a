import inspect

import pytest

from schemas import annotations, items, searches, signals, training
from schemas.catalogue import EVENT_CLASSES, EVENT_TYPES
from schemas.event import Event, Fact


def facts(of: type[Fact]) -> set[type[Fact]]:
    """Every class declared in `schemas/` that people may meet."""
    modules = (items, searches, annotations, signals, training)
    found = {value for module in modules for value in vars(module).values() if inspect.isclass(value)}
    return {value for value in found if issubclass(value, of)}


FACTS: list[type[Fact]] = sorted(facts(Fact), key=lambda fact: fact.__name__)


def test_event_types_are_a_promise() -> None:
    assert list(EVENT_TYPES) == [
        "millrace.ItemPublished.v1",
        "millrace.ItemWithdrawn.v1",
        "millrace.ItemCurated.v1",
        "millrace.ItemRejected.v1",
        "millrace.ItemEmbedded.v1",
        "millrace.ItemIndexed.v1",
        "millrace.SearchServed.v1",
        "millrace.FeedbackGiven.v1",
        "millrace.ItemScored.v1",
        "millrace.AnnotationRequested.v1",
        "millrace.AnnotationCompleted.v1",
        "millrace.AnnotationChanged.v1",
        "millrace.AnnotationWithdrawn.v1",
        "millrace.LabelSettled.v1",
        "millrace.LabelUnsettled.v1",
        "millrace.ItemSignalMeasured.v1",
        "millrace.QueryFailed.v1",
        "millrace.HardNegativeMined.v1",
        "millrace.ClickRateMeasured.v1",
        "millrace.TrainingRequested.v1",
        "millrace.TrainingProgressed.v1",
        "millrace.ModelTrained.v1",
        "millrace.ModelEvaluated.v1",
        "millrace.RolloutProgressed.v1",
        "millrace.ModelReleased.v1",
    ]


def test_every_event_is_in_the_catalogue() -> None:
    leaves = {event for event in facts(Event) if not event.__subclasses__() and event is not Event}
    assert leaves == set(EVENT_CLASSES)


@pytest.mark.parametrize("fact", FACTS, ids=[fact.__name__ for fact in FACTS])
def test_every_fact_says_what_it_means(fact: type[Fact]) -> None:
    assert fact.__dict__.get("__doc__")


@pytest.mark.parametrize("fact", FACTS, ids=[fact.__name__ for fact in FACTS])
def test_every_fact_is_frozen_and_patient_with_newer_writers(fact: type[Fact]) -> None:
    assert fact.model_config.get("frozen") is True
    assert fact.model_config.get("extra") == "ignore"
