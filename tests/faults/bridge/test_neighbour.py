"""Label Studio is an unreliable neighbour: replies get lost, connections break, it is slow, or down for an hour."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from annotation.label_studio.client.label_studio import LabelStudio
from streams.errors import MillraceError
from tests.faults.bridge.proxy import Drawn, Fault, Proxy
from tests.integration.annotation.bridge.house import COMPLETED, House
from tests.studio import Place

PATIENCE_S = 120.0
AN_HOURS_REQUESTS = 360
HASTE = {"first_s": 0.01, "longest_s": 0.05}


@pytest.fixture
def through(proxy: Proxy, label_studio: Place) -> Iterator[LabelStudio]:
    with LabelStudio(proxy.url, label_studio.token, timeout_s=5.0) as studio:
        yield studio


@pytest.fixture
def house(client: LabelStudio, through: LabelStudio, tmp_path: Path) -> House:
    return House(client, tmp_path, through=through, backoff=HASTE, open_limit=1000)


def persist(call: Callable[[], None]) -> int:
    """Calls until it works; how often it did not."""
    for failures in range(1000):
        try:
            call()
        except MillraceError:
            time.sleep(0.01)
        else:
            return failures
    raise AssertionError("never worked")


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come to be"
        time.sleep(0.05)


def is_import(method: str, path: str) -> bool:
    return method == "POST" and path.endswith("/import")


def per_item(house: House) -> Counter[str]:
    return Counter(str(row.item_id) for row in house.tasks())


@pytest.mark.parametrize("fault", [Fault.DROP_REPLY, Fault.RESET_REPLY, Fault.BAD_GATEWAY])
def test_a_task_whose_import_was_not_answered_is_not_doubled(house: House, proxy: Proxy, fault: Fault) -> None:
    house.ask("first")
    faults = [fault, fault]
    proxy.choose = lambda method, path: faults.pop() if faults and is_import(method, path) else None
    house.hear(*(house.request(f"i{n}") for n in range(5)))
    failures = persist(house.export)
    assert failures >= 1
    assert set(per_item(house).values()) == {1}
    assert len(per_item(house)) == 6


def test_an_import_that_outlives_our_patience_is_not_doubled(
    client: LabelStudio, proxy: Proxy, label_studio: Place, tmp_path: Path
) -> None:
    with LabelStudio(proxy.url, label_studio.token, timeout_s=3.0) as hasty:
        house = House(client, tmp_path, through=hasty, settle_s=8.0)
        persist(lambda: house.ask("first"))
        proxy.delay_s, slow = 5.0, [Fault.DELAY]
        proxy.choose = lambda method, path: slow.pop() if slow and is_import(method, path) else None
        house.hear(house.request("a"))
        persist(house.export)  # gives up, and then only looks
        assert "a" not in per_item(house)
        wait_for(lambda: persist(house.export) >= 0 and house.outbox.counts()["pending"] == 0, "the task")
    assert per_item(house) == {"first": 1, "a": 1}


def test_with_every_kind_of_fault_all_labels_come_once_and_no_task_is_doubled(
    client: LabelStudio, through: LabelStudio, proxy: Proxy, tmp_path: Path
) -> None:
    house = House(client, tmp_path, through=through, batch=4, page=4)
    proxy.choose = Drawn(11, dict.fromkeys(Fault, 0.08), most=100)
    names = [f"i{n}" for n in range(24)]
    house.hear(*(house.request(name) for name in names))
    persist(house.export)
    for turn, name in enumerate(names):
        number = house.answer(name, "good")
        if turn % 3 == 0:
            house.studio.delete_annotation(number)
            house.answer(name, "bad")
        if turn % 4 == 0:
            persist(house.take_in)
    persist(house.take_in)
    assert per_item(house) == dict.fromkeys(names, 1)
    live = Counter(item for kind, item, _ in house.facts() if kind == "completed")
    live -= Counter(item for kind, item, _ in house.facts() if kind == "withdrawn")
    assert live == dict.fromkeys(names, 1)
    ids = [record.header("ce_id") for record in house.broker.records(COMPLETED)]
    assert len(ids) == len(set(ids))
    assert len(proxy.dealt) >= 5


def test_while_it_is_down_for_an_hour_selection_goes_on_and_afterwards_nothing_is_doubled(
    house: House, proxy: Proxy
) -> None:
    house.ask("before")
    house.exporter.start()
    house.intake.start()
    try:
        proxy.down = True
        wait_for(lambda: "does not answer" in (house.intake.ready() or ""), "the intake's complaint")
        for start in range(0, AN_HOURS_REQUESTS, 20):  # accelerated: an hour's requests, hundreds of tries
            assert house.hear(*(house.request(f"i{n}") for n in range(start, start + 20))) == [()] * 20
        wait_for(lambda: "requests wait in the outbox" in (house.exporter.ready() or ""), "the exporter's complaint")
        assert house.outbox.counts()["pending"] == AN_HOURS_REQUESTS
        wait_for(lambda: proxy.dealt[Fault.RESET] >= 200, "hundreds of tries")
        house.answer("before")
        proxy.down = False
        wait_for(lambda: house.outbox.counts()["pending"] == 0, "an empty outbox")
        wait_for(lambda: house.facts() == [("completed", "before", 0)], "the answer given meanwhile")
        wait_for(lambda: house.exporter.ready() is None and house.intake.ready() is None, "readiness")
    finally:
        house.exporter.stop()
        house.intake.stop()
    assert set(per_item(house).values()) == {1}
    assert len(per_item(house)) == AN_HOURS_REQUESTS + 1


def test_a_forged_token_is_waited_for_and_deletes_nothing(
    client: LabelStudio, house: House, label_studio: Place
) -> None:
    house.ask("a")
    house.answer("a")
    house.take_in()
    with LabelStudio(label_studio.url, "0" * 40) as stranger:
        house.through = stranger
        house.restart()
        assert persist_once(house.take_in) != ""
    assert house.facts() == [("completed", "a", 0)]


def persist_once(call: Callable[[], None]) -> str:
    try:
        call()
    except MillraceError as error:
        return str(error)
    return ""
