"""Each kind of task on a real server: its page is accepted, and an answer comes back as it was given."""

import json
import subprocess
from uuid import uuid4

import pytest

from annotation.label_studio.client.errors import Invalid
from annotation.label_studio.client.label_studio import LabelStudio
from annotation.label_studio.client.rows import PredictionDraft, TaskDraft
from annotation.label_studio.templates.answers import Answer, Box, Span
from annotation.label_studio.templates.data import task_data
from annotation.label_studio.templates.page import label_config, project_fields
from annotation.label_studio.templates.reading import read_answer
from annotation.label_studio.templates.writing import prelabel, write_answer
from annotation.tasks import TaskConfig, TaskKind
from infra.label_studio.config import EmbeddedLabelStudioConfig
from infra.label_studio.packages import LabelStudioPackages
from schemas.annotations import Prediction, Shown
from schemas.items import MediaRef, Modality

AWKWARD = ('cats & "dogs"', "<b>'s", "größer 好 🐈", "a, b; c|d", "100 %", "\\n {x} [y]")
MEDIA = MediaRef(uri="media/ab/abc", sha256="ab" * 32, length=3, media_type="image/png")
SHOWN = {
    Modality.TEXT: Shown(modality=Modality.TEXT, text='A <b>cat</b> & a "dog"\nin $text'),
    Modality.IMAGE: Shown(modality=Modality.IMAGE, media=MEDIA),
    Modality.AUDIO: Shown(modality=Modality.AUDIO, media=MEDIA),
    Modality.VIDEO: Shown(modality=Modality.VIDEO, media=MEDIA),
}
TEXT, IMAGE, AUDIO, VIDEO = ((modality,) for modality in SHOWN)
MIXED = (Modality.TEXT, Modality.IMAGE, Modality.AUDIO, Modality.VIDEO)
TWO_BOXES = (Box(AWKWARD[0], 10.5, 20, 30, 40.25, 0, (640, 480)), Box(AWKWARD[1], 0, 0, 100, 100))
TWO_SPANS = (Span(AWKWARD[0], 0.52, 2.24), Span(AWKWARD[2], 0, 1))

CASES = {
    "class of a text": (TaskKind.CLASS, TEXT, Answer(labels=(AWKWARD[2],))),
    "class of a picture": (TaskKind.CLASS, IMAGE, Answer(labels=(AWKWARD[1],))),
    "class of a sound": (TaskKind.CLASS, AUDIO, Answer(labels=(AWKWARD[3],))),
    "class of a video": (TaskKind.CLASS, VIDEO, Answer(labels=(AWKWARD[4],))),
    "class of anything": (TaskKind.CLASS, MIXED, Answer(labels=(AWKWARD[5],))),
    "several classes": (TaskKind.MULTI_LABEL, TEXT, Answer(labels=AWKWARD[1:4])),
    "none of the classes": (TaskKind.MULTI_LABEL, IMAGE, Answer()),
    "caption": (TaskKind.CAPTION, IMAGE, Answer(text='A "red" car & <more>')),
    "question and answer": (TaskKind.QUESTION_ANSWER, TEXT, Answer(text="Rome")),
    "boxes": (TaskKind.BOXES, IMAGE, Answer(boxes=TWO_BOXES)),
    "no boxes": (TaskKind.BOXES, IMAGE, Answer()),
    "audio segments": (TaskKind.AUDIO_SEGMENTS, AUDIO, Answer(spans=TWO_SPANS)),
    "video segments": (TaskKind.VIDEO_SEGMENTS, VIDEO, Answer(spans=TWO_SPANS)),
    "pairwise of texts": (TaskKind.PAIRWISE, TEXT, Answer(choice="right")),
    "pairwise of pictures": (TaskKind.PAIRWISE, IMAGE, Answer(choice="left")),
    "relevance of a text": (TaskKind.RELEVANCE, TEXT, Answer(rating=3)),
    "relevance of anything": (TaskKind.RELEVANCE, MIXED, Answer(rating=1)),
}


@pytest.mark.parametrize("case", CASES)
def test_an_answer_of_each_kind_comes_back_as_it_was_given(client: LabelStudio, case: str) -> None:
    kind, modalities, answer = CASES[case]
    task = TaskConfig(
        name="round-trip", kind=kind, labels=AWKWARD, modalities=modalities, question='Which "one" & <why>?'
    )
    config = label_config(task)
    assert client.validate_config(config) is None
    project = client.create_project(f"{case} {uuid4().hex[:8]}", config, project_fields(task))
    shown = SHOWN[modalities[-1]]
    data = task_data(task, "acme/doc-77", shown, lambda ref: f"http://127.0.0.1:1/v1/{ref.uri}", shown, "a query")
    predicted = [Prediction(label=label, probability=0.6) for label in AWKWARD[:2]]
    region = prelabel(task, predicted)
    [task_id] = client.import_tasks(project.id, [TaskDraft(data, predictions=[PredictionDraft("m1", 0.25, region)])])
    served = client.next_task(project.id)
    assert served is not None
    assert (served.id, served.data, served.predictions[0].result) == (task_id, data, region)
    client.annotate(task_id, write_answer(task, answer), uuid4(), lead_time=1.0)
    [annotation] = client.task(task_id).annotations
    assert read_answer(task, annotation.result) == answer


JUDGE = """
import json, sys
from label_studio_sdk.label_interface import LabelInterface
for case, (config, result) in json.load(sys.stdin).items():
    draft = {"result": result, "model_version": "m1", "score": 0.5}
    wrong = LabelInterface(config).validate_prediction(draft, return_errors=True)
    if wrong:
        print(case, wrong)
"""
"""Says what Label Studio's own library finds wrong with pages and results."""


def test_label_studios_own_library_finds_nothing_wrong_with_our_answers(
    label_studio_packages: EmbeddedLabelStudioConfig,
) -> None:
    """The server itself takes any result."""
    cases = {}
    for case, (kind, modalities, answer) in CASES.items():
        task = TaskConfig(name="judged", kind=kind, labels=AWKWARD, modalities=modalities)
        cases[case] = (label_config(task), write_answer(task, answer))
    python = LabelStudioPackages.locked().program(label_studio_packages.cache_dir)[0]
    judged = subprocess.run([python, "-c", JUDGE], input=json.dumps(cases), capture_output=True, text=True, timeout=120)
    assert (judged.returncode, judged.stdout) == (0, ""), judged.stderr


def test_a_question_that_looks_like_a_column_is_still_a_question(client: LabelStudio) -> None:
    task = TaskConfig(name="money", labels=("yes", "no"), modalities=TEXT, question="$100 or more?")
    project = client.create_project(f"money {uuid4().hex[:8]}", label_config(task))
    data = task_data(task, "one", SHOWN[Modality.TEXT], str)
    assert client.import_tasks(project.id, [TaskDraft(data)])


def test_data_without_a_key_of_the_page_is_refused_by_the_server(client: LabelStudio) -> None:
    task = TaskConfig(name="lacking", labels=("yes", "no"), modalities=TEXT)
    project = client.create_project(f"lacking {uuid4().hex[:8]}", label_config(task))
    with pytest.raises(Invalid, match="text"):
        client.import_tasks(project.id, [TaskDraft({"item_id": "one"})])
