"""Triggers on Faust, on a real broker: labels come in, and training is asked for once."""

import time

import pytest

from tests.integration.trainers.triggers.office import Office, until, windows_pass
from tests.integration.trainers.triggers.worker import CONFIG, LABELS


@pytest.fixture
def office(kafka: str) -> Office:
    return Office(kafka)


def labels_answered(office: Office) -> int:
    """How many labels the requests say they answer."""
    return sum(int(one.detail.split()[0]) for one in office.asked())


def label_until_asked(office: Office) -> None:
    before = len(office.asked())
    office.label(LABELS)
    until(lambda: len(office.asked()) > before, "a request")


def test_enough_labels_ask_for_training_once(office: Office) -> None:
    with office.running():
        office.label(LABELS + 2)
        until(lambda: len(office.asked()) > 0, "a request")
        windows_pass()
    [request] = office.asked()
    assert (request.cause, request.recipe) == ("labels", CONFIG.recipe)
    assert request.detail == f"{LABELS + 2} new labels, {LABELS} ask for training"


def test_a_person_who_asks_answers_the_labels_before(office: Office) -> None:
    with office.running():
        office.label(LABELS - 1)
        windows_pass(2)
        office.ask()
        windows_pass(2)
        office.label(LABELS - 1)
        windows_pass()
        assert office.asked() == []
        office.label(1)
        until(lambda: len(office.asked()) > 0, "a request")
    assert [one.detail for one in office.asked()] == [f"{LABELS} new labels, {LABELS} ask for training"]


def test_killed_again_and_again_it_asks_for_nothing_twice_and_forgets_nothing(office: Office) -> None:
    for _ in range(3):
        with office.worker():
            label_until_asked(office)
            office.label(LABELS - 1)
            time.sleep(0.3)  # anywhere in the window after
    with office.running():
        windows_pass()
        office.label(LABELS)
        until(lambda: office.labelled - labels_answered(office) < LABELS, "all labels answered")
        windows_pass()
    asked = office.asked()
    assert len({one.event_id for one in asked}) == len({one.job_id for one in asked}) == len(asked)
    assert labels_answered(office) <= office.labelled
