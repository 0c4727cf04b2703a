"""The page of a task, and the data that it shows."""

from xml.etree.ElementTree import fromstring

import pytest

from annotation.label_studio.templates.data import task_data
from annotation.label_studio.templates.page import label_config, project_fields
from annotation.tasks import TaskConfig, TaskKind
from schemas.annotations import Shown
from schemas.items import MediaRef, Modality
from streams.errors import BadRecord, Misconfigured
from tests.unit.annotation.label_studio.templates.cases import ANY, task

MEDIA = MediaRef(uri="media/ab/abc", sha256="ab" * 32, length=3, media_type="image/png")
TEXT = Shown(modality=Modality.TEXT, text="<script>&")
IMAGE = Shown(modality=Modality.IMAGE, media=MEDIA)


def url(ref: MediaRef) -> str:
    return f'http://api.example/{ref.uri}?a="1"'


def keys_read(config: str) -> set[str]:
    values = [element.get("value", "") for element in fromstring(config).iter()]
    return {value[1:] for value in values if value.startswith("$")}


@pytest.mark.parametrize("kind", TaskKind)
@pytest.mark.parametrize("modality", Modality)
def test_the_data_has_every_key_that_the_page_reads(kind: TaskKind, modality: Modality) -> None:
    asked = task(kind)
    shown = Shown(modality=modality, text="words", media=MEDIA)
    try:
        data = task_data(asked, "one", shown, url, shown)
    except BadRecord:
        assert kind in (TaskKind.BOXES, TaskKind.AUDIO_SEGMENTS, TaskKind.VIDEO_SEGMENTS)
        return
    assert data["item_id"] == "one"
    assert keys_read(label_config(asked)) == data.keys() - {"item_id"}


@pytest.mark.parametrize("label", ["<b>", '"', "a & b", "größer 好", "'"])
def test_labels_survive_the_page_as_they_are(label: str) -> None:
    page = fromstring(label_config(task(labels=(label, "other"))))
    assert [choice.get("value") for choice in page.iter("Choice")] == [label, "other"]


@pytest.mark.parametrize("label", ["$price", " cat", "cat ", "a\nb", "a\x00b", "\ud800"])
def test_a_label_that_a_page_cannot_hold_is_a_matter_of_settings(label: str) -> None:
    with pytest.raises(Misconfigured, match="labelling task task"):
        label_config(TaskConfig.model_construct(**dict(task()) | {"labels": (label, "cat")}))


def test_a_question_stands_above_the_item_and_the_name_where_there_is_none() -> None:
    assert fromstring(label_config(task(question="Which one?")))[0].get("value") == "Which one?"
    assert fromstring(label_config(task()))[0].get("value") == "task"


def test_many_labels_can_be_searched() -> None:
    assert fromstring(label_config(task(labels=tuple("abcdefghij")))).find("Filter") is not None
    assert fromstring(label_config(task())).find("Filter") is None


def test_a_task_of_one_modality_shows_it_with_its_own_tag() -> None:
    config = label_config(task(modalities=(Modality.AUDIO,)))
    assert fromstring(config).find("Audio") is not None


def test_boxes_need_pictures() -> None:
    with pytest.raises(Misconfigured, match="image"):
        label_config(task(TaskKind.BOXES, modalities=(Modality.TEXT,)))


def test_as_many_annotators_answer_as_the_task_says() -> None:
    fields = project_fields(task(annotators=3))
    assert (fields["maximum_annotations"], fields["sampling"]) == (3, "Uncertainty sampling")


def test_no_box_at_all_can_be_submitted_but_no_class_cannot() -> None:
    assert project_fields(task(TaskKind.BOXES))["enable_empty_annotation"] is True
    assert project_fields(task())["enable_empty_annotation"] is False


def test_text_is_shown_as_it_is() -> None:
    assert task_data(task(modalities=(Modality.TEXT,)), "one", TEXT, url)["text"] == "<script>&"


def test_among_several_modalities_text_is_no_markup() -> None:
    html = task_data(task(modalities=ANY), "one", TEXT, url)["html"]
    assert html == '<p style="white-space:pre-wrap">&lt;script&gt;&amp;</p>'


def test_an_address_cannot_leave_its_attribute() -> None:
    html = str(task_data(task(modalities=ANY), "one", IMAGE, url)["html"])
    assert "?a=&quot;1&quot;" in html


def test_relevance_is_judged_by_the_tasks_question_where_no_query_is_given() -> None:
    asked = task(TaskKind.RELEVANCE, question="red shoes")
    assert task_data(asked, "one", TEXT, url)["query"] == "red shoes"
    assert task_data(asked, "one", TEXT, url, query="blue")["query"] == "blue"


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        (TaskKind.PAIRWISE, TEXT),
        (TaskKind.BOXES, TEXT),
        (TaskKind.CLASS, Shown(modality=Modality.TEXT)),
        (TaskKind.CLASS, Shown(modality=Modality.IMAGE, text="only a caption")),
        (TaskKind.CLASS, Shown(text="of no modality")),
    ],
)
def test_an_item_that_the_page_cannot_show_is_a_dead_letter(kind: TaskKind, shown: Shown) -> None:
    with pytest.raises(BadRecord, match="unshowable_item"):
        task_data(task(kind), "one", shown, url)
