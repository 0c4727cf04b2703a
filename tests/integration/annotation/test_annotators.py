"""The simulated annotators on a real server."""

from uuid import uuid4

from annotation.label_studio.client.label_studio import LabelStudio
from annotation.label_studio.client.rows import PredictionDraft, TaskDraft
from annotation.label_studio.templates.page import label_config, project_fields
from annotation.label_studio.templates.reading import read_answer
from annotation.tasks import TaskConfig
from infra.demo.annotators import Crew, given_label, work_through
from schemas.items import Modality

TASK = TaskConfig(name="animals", labels=("cat", "dog", "bird"), modalities=(Modality.TEXT,), annotators=2)
TRUTH = {f"item-{n}": TASK.labels[n % 3] for n in range(12)}


def project_with_tasks(client: LabelStudio) -> int:
    project = client.create_project(f"crew {uuid4().hex[:8]}", label_config(TASK), project_fields(TASK)).id
    drafts = [
        TaskDraft({"item_id": item, "text": item}, predictions=[PredictionDraft("m1", n / 20)])
        for n, item in enumerate([*TRUTH, "unknown"])
    ]
    client.import_tasks(project, drafts)
    return project


def test_every_task_is_answered_by_each_annotator_once_with_the_stated_errors(client: LabelStudio) -> None:
    project, crew = project_with_tasks(client), Crew(users=2, error_rate=0.3, patience_s=3.0)
    done = work_through(client, project, TASK, TRUTH.get, crew)
    rows = client.tasks_by_keyset(project)
    answers = {
        (annotation.completed_by, str(row.item_id)): read_answer(TASK, annotation.result).labels[0]
        for row in rows
        for annotation in row.annotations
        if not annotation.was_cancelled
    }
    expected = [given_label(TASK.labels, true, user, item, crew) for user in (0, 1) for item, true in TRUTH.items()]
    assert sorted(answers.values()) == sorted(expected)
    assert done.answered == len(answers) == 24
    assert sorted(done.by_user.values()) == [12, 12]
    assert done.errors == sum(label != TRUTH[item] for (_, item), label in answers.items()) > 0
    assert done.skipped == 2
    assert all(annotation.lead_time for row in rows for annotation in row.annotations)


def test_annotators_stop_at_their_number_of_answers(client: LabelStudio) -> None:
    project = project_with_tasks(client)
    done = work_through(client, project, TASK, TRUTH.get, Crew(users=1, most_answers=3))
    assert done.answered == 3
