"""Requests become tasks: each once, in the order that selection wants, and away again."""

from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from annotation.label_studio.client.label_studio import LabelStudio
from annotation.label_studio.client.rows import TaskDraft
from annotation.label_studio.templates.answers import Answer
from annotation.label_studio.templates.writing import write_answer
from schemas.annotations import Arm
from schemas.items import ItemWithdrawn, MediaRef, Modality
from streams.errors import Misconfigured
from tests.integration.annotation.bridge.house import House, some_task


def items(house: House) -> list[str]:
    return [str(row.item_id) for row in house.tasks()]


def served(house: House) -> list[str]:
    """Items in the order in which an annotator gets them."""
    found = []
    while (row := house.studio.next_task(house.project)) is not None:
        found.append(str(row.item_id))
        house.studio.annotate(row.id, write_answer(house.task, Answer(labels=("good",))))
    return found


def test_the_next_task_served_is_the_one_that_selection_wants(house: House) -> None:
    house.hear(*(house.request(f"i{n}", acquisition=n / 10) for n in (3, 9, 1, 7, 5)))
    house.export()
    assert served(house) == ["i9", "i7", "i5", "i3", "i1"]


def test_with_a_new_model_version_all_open_tasks_keep_an_order(house: House) -> None:
    house.hear(*(house.request(f"i{n}", acquisition=n / 10) for n in (3, 9, 1)))
    house.export()
    house.hear(house.request("new", acquisition=0.5, model_version="m2"))
    house.export()
    assert house.studio.project(house.project).model_version == "m2"
    assert served(house) == ["i9", "new", "i3", "i1"]


def test_a_witness_is_ordered_by_its_own_draw_and_shows_no_answer(house: House) -> None:
    house.ask("w1", "w2", arm=Arm.RANDOM, acquisition=1.0)
    predictions = [house.studio.predictions(row.id)[0] for row in house.tasks()]
    assert all(0 < (one.score or 0) < 1 and one.result == [] for one in predictions)


def test_a_request_for_an_item_with_a_task_changes_its_predictions(house: House) -> None:
    house.ask("a", acquisition=0.2)
    house.ask("a", acquisition=0.9)
    [row] = house.tasks()
    [prediction] = house.studio.predictions(row.id)
    assert prediction.score == pytest.approx(0.1)


def test_predictions_can_carry_a_cluster(client: LabelStudio, tmp_path: Path) -> None:
    house = House(client, tmp_path, spread=True)
    house.ask("a", "b")
    clusters = [[one.cluster for one in house.studio.predictions(row.id)] for row in house.tasks()]
    assert clusters == [[0], [0]]


def test_a_task_whose_reply_was_lost_is_found_again(house: House) -> None:
    house.ask("a")
    house.studio.import_tasks(house.project, [house.desk.draft(house.request("b"), "m1")])
    house.ask("b")
    assert items(house) == ["a", "b"]
    assert [len(house.studio.predictions(row.id)) for row in house.tasks()] == [1, 1]


def test_of_twins_the_oldest_stays(house: House) -> None:
    house.ask("a")
    twin = house.desk.draft(house.request("a"), "m1")
    house.studio.import_tasks(house.project, [twin])
    house.restart()
    house.take_in()  # its sweep sees two
    house.export()
    assert items(house) == ["a"]


def test_a_twin_that_was_answered_stays(house: House) -> None:
    house.ask("a")
    [twin] = house.studio.import_tasks(house.project, [house.desk.draft(house.request("a"), "m1")])
    house.studio.annotate(twin, write_answer(house.task, Answer(labels=("bad",))))
    house.ask("a", acquisition=0.9)
    house.take_in()
    assert [row.id for row in house.tasks()] == [twin]
    assert house.facts() == [("completed", "a", 0)]


def test_no_more_tasks_are_open_than_allowed_and_the_rest_waits(client: LabelStudio, tmp_path: Path) -> None:
    house = House(client, tmp_path, open_limit=2)
    house.ask("a", "b", "c", "d")
    assert items(house) == ["a", "b"]
    house.answer("a")
    house.take_in()
    house.export()
    assert items(house) == ["a", "b", "c"]
    assert house.outbox.counts()["pending"] == 1


def test_the_tasks_of_a_withdrawn_item_are_removed_and_no_others(house: House) -> None:
    house.ask("a", "b", "c")
    house.answer("b")
    house.hear(ItemWithdrawn(item_id="b", version=1), ItemWithdrawn(item_id="stranger", version=1))
    house.export()
    assert items(house) == ["a", "c"]


def test_a_withdrawal_that_finds_nothing_deletes_nothing(house: House) -> None:
    house.ask("a", "b")
    house.studio.delete_tasks(house.project, [house.task_of("b").id])
    house.hear(ItemWithdrawn(item_id="b", version=1))
    house.export()
    assert items(house) == ["a"]


def test_newer_content_takes_the_place_of_what_nobody_answered(house: House) -> None:
    house.ask("a", "b")
    house.answer("b")
    house.ask("a", "b", version=2, text="newer")
    rows = [(row.item_id, row.data["item_version"]) for row in house.tasks()]
    assert sorted(rows) == [("a", 2), ("b", 1), ("b", 2)]


def test_an_adjudication_asks_one_more_person(house: House) -> None:
    house.ask("a")
    house.answer("a")
    with LabelStudio(house.studio.url, house.studio.sign_up(f"{uuid4().hex}@example.com", "a-good-password")) as other:
        assert other.next_task(house.project) is None
        house.ask("a", purpose="adjudication", annotators=2, modality=None, text=None)  # as consensus asks
        row = other.next_task(house.project)
        assert row is not None
        assert row.item_id == "a"


def test_links_to_media_are_renewed_while_a_task_is_open(client: LabelStudio, tmp_path: Path) -> None:
    task = some_task(modalities=(Modality.IMAGE,))
    house = House(client, tmp_path, task, relink_s=1e-6)
    ref = MediaRef(uri="media/ab/cd", sha256="0" * 64, length=1, media_type="image/png")
    house.ask("a", modality=Modality.IMAGE, text=None, media=ref)
    before = house.task_of("a").data
    house.export()
    after = house.task_of("a").data
    assert before["image"] != after["image"]
    assert {**before, "image": None} == {**after, "image": None}


def test_a_task_that_label_studio_refuses_is_a_letter_and_spoils_no_other(house: House) -> None:
    house.ask("first")
    config = '<View><Text name="item" value="$text"/><Text name="more" value="$other"/></View>'
    house.studio.patch_project(house.project, {"label_config": config})  # a page that reads what nobody sends
    house.ask("a", "b")
    house.take_in()
    assert sorted(letter.reason for letter in house.letters()) == ["label_studio_refused"] * 2
    assert items(house) == ["first"]


def test_a_project_that_is_gone_is_not_made_again_by_itself(house: House) -> None:
    house.ask("a")
    house.answer("a")
    house.take_in()
    house.studio.delete_project(house.project)
    house.restart()
    with pytest.raises(Misconfigured, match="is not there"):
        house.exporter.step()
    assert house.studio.find_project(f"millrace/{house.task.name}") is None


def test_a_project_of_the_same_title_is_taken_over_at_first_sight(house: House) -> None:
    made = house.studio.create_project(f"millrace/{house.task.name}", "<View/>")
    house.ask("a")
    assert house.project == made.id
    assert "Choices" in house.studio.project(made.id).label_config


def test_tasks_made_by_hand_are_not_touched(house: House) -> None:
    house.ask("a")
    house.studio.import_tasks(house.project, [TaskDraft({"item_id": "a", "text": "by hand"})])
    house.hear(ItemWithdrawn(item_id="a", version=1))
    house.export()
    assert [row.data.get("text") for row in house.tasks()] == ["by hand"]


def test_a_request_that_the_page_can_no_longer_show_is_a_letter_and_spoils_no_other(house: House) -> None:
    house.hear(house.request("a", text="shown"), house.request("b"))
    narrower = house.task.model_copy(update={"modalities": (Modality.IMAGE,)})
    house.desk = replace(house.desk, task=narrower)
    house.restart()
    house.export()
    house.take_in()
    assert {letter.reason for letter in house.letters()} == {"unshowable_item"}
    assert house.outbox.counts() == {"pending": 0, "sent": 0}
