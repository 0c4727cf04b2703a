"""What a Label Studio task shows of an item."""

from collections.abc import Callable
from html import escape

from pydantic import JsonValue

from annotation.label_studio.client.rows import ITEM_ID
from annotation.label_studio.templates.controls import content_key, modalities_of, second_key
from annotation.tasks import TaskConfig, TaskKind
from schemas.annotations import Shown
from schemas.items import MediaRef, Modality
from streams.errors import BadRecord

UNSHOWABLE = "unshowable_item"

MediaUrl = Callable[[MediaRef], str]
"""Where an annotator's browser finds the bytes."""

TAGS = {
    Modality.IMAGE: '<img src="{}" style="max-width:100%">',
    Modality.AUDIO: '<audio src="{}" controls></audio>',
    Modality.VIDEO: '<video src="{}" controls style="max-width:100%"></video>',
}


def task_data(
    task: TaskConfig,
    item_id: str,
    shown: Shown,
    media_url: MediaUrl,
    other: Shown | None = None,
    query: str | None = None,
) -> dict[str, JsonValue]:
    """Every key that the task's page reads, and the item's id. Raises BadRecord for an item that it cannot show.

    `other` is the second one of a pair. `query` is what relevance is judged by; the task's question where it is None.
    """
    key = content_key(task)
    data: dict[str, JsonValue] = {ITEM_ID: item_id, key: _content(task, key, item_id, shown, media_url)}
    if task.kind is TaskKind.RELEVANCE:
        data["query"] = query or task.question or task.name
    if task.kind is TaskKind.PAIRWISE:
        if other is None:
            raise BadRecord(UNSHOWABLE, f"task {task.name} compares two items, and {item_id} came alone")
        data[second_key(key)] = _content(task, key, item_id, other, media_url)
    return data


def _content(task: TaskConfig, key: str, item_id: str, shown: Shown, media_url: MediaUrl) -> str:
    modality = shown.modality
    if modality not in modalities_of(task):
        raise BadRecord(UNSHOWABLE, f"task {task.name} does not show {modality or 'nothing'}, which {item_id} is")
    if modality is Modality.TEXT:
        if not shown.text:
            raise BadRecord(UNSHOWABLE, f"{item_id} has no text")
        return _html_of(shown.text) if key == "html" else shown.text
    if shown.media is None:
        raise BadRecord(UNSHOWABLE, f"{item_id} has no {modality.value}")
    url = media_url(shown.media)
    return TAGS[modality].format(escape(url)) if key == "html" else url


def _html_of(text: str) -> str:
    return f'<p style="white-space:pre-wrap">{escape(text)}</p>'
