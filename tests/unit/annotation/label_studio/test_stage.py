"""annotations.requested, withdrawals -> the outbox."""

from annotation.label_studio.outbox import Outbox
from annotation.label_studio.stage import bridge_stage
from schemas.event import Event
from schemas.items import EmbeddedPart, ItemEmbedded, Modality
from streams.errors import BadRecord, NotYet
from streams.record import Origin
from streams.stage import BatchStage, Incoming, Outcome
from tests.unit.annotation.label_studio.bridge_builders import DESK, NOON, database, request, states, withdrawn


def told(stage: BatchStage, *facts: Event) -> list[Outcome]:
    return stage.outcomes([Incoming(fact, Origin("t", 0, at)) for at, fact in enumerate(facts)])


def test_a_request_is_in_the_outbox_when_the_stage_answers() -> None:
    engine = database()
    assert told(bridge_stage(Outbox(engine), [DESK]), request("a")) == [()]
    assert states(engine) == {"a1": "pending"}


def test_a_withdrawal_of_the_same_batch_wins_whatever_the_order() -> None:
    engine = database()
    told(bridge_stage(Outbox(engine), [DESK]), withdrawn("a"), request("a"), request("b"), withdrawn("b"))
    assert states(engine) == {"a1": "dropped", "b1": "dropped"}


def test_an_embedded_item_says_nothing_to_the_bridge() -> None:
    engine = database()
    part = EmbeddedPart(part=0, modality=Modality.TEXT, vector=bytes(8))
    item = ItemEmbedded(
        item_id="a", version=1, modality=Modality.TEXT, model_version="m", dim=2, parts=(part,), published_at=NOON
    )
    assert told(bridge_stage(Outbox(engine), [DESK]), item) == [()]
    assert states(engine) == {}


def test_a_request_for_an_unknown_task_is_parked_until_the_task_is_set_up() -> None:
    [outcome] = told(bridge_stage(Outbox(database()), [DESK]), request("a", task="other"))
    assert isinstance(outcome, NotYet)
    assert outcome.reason == "unknown_task"


def test_an_item_of_another_tenant_is_never_shown() -> None:
    [outcome] = told(bridge_stage(Outbox(database()), [DESK]), request("a", tenant="stranger"))
    assert isinstance(outcome, BadRecord)
    assert outcome.reason == "wrong_tenant"


def test_an_item_that_the_page_cannot_show_is_a_dead_letter_and_spoils_nothing() -> None:
    engine = database()
    outcomes = told(bridge_stage(Outbox(engine), [DESK]), request("a", text=None), request("b"))
    assert isinstance(outcomes[0], BadRecord)
    assert outcomes[1] == ()
    assert states(engine) == {"b1": "pending"}
