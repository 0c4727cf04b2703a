"""The next task served is the one that selection wants: lowest score first, by the project's model version."""

from uuid import uuid4

import pytest

from annotation.label_studio.client.label_studio import LabelStudio
from annotation.label_studio.client.rows import PredictionDraft, TaskDraft, TaskRow
from annotation.label_studio.templates.answers import Answer
from annotation.label_studio.templates.page import label_config, project_fields
from annotation.label_studio.templates.writing import write_answer
from annotation.tasks import TaskConfig
from schemas.items import Modality
from tests.studio import Place

TASK = TaskConfig(name="order", labels=("yes", "no"), modalities=(Modality.TEXT,))
ACQUISITION = {"dull": 0.1, "best": 0.97, "good": 0.8, "fair": 0.5}
YES = Answer(labels=("yes",))


class Queue:
    """A project of a few tasks, and one annotator."""

    def __init__(self, admin: LabelStudio) -> None:
        self.admin = admin
        self.project = admin.create_project(f"order {uuid4().hex[:8]}", label_config(TASK), project_fields(TASK)).id
        self.tasks: dict[str, int] = {}

    def add(self, acquisition: dict[str, float], model_version: str) -> None:
        drafts = [
            TaskDraft({"item_id": item, "text": item}, predictions=[PredictionDraft(model_version, 1 - score)])
            for item, score in acquisition.items()
        ]
        self.tasks.update(zip(acquisition, self.admin.import_tasks(self.project, drafts), strict=True))

    def rescore(self, acquisition: dict[str, float], model_version: str) -> None:
        """Predictions first, then the version: the reverse would serve at random in between."""
        drafts = [(self.tasks[item], PredictionDraft(model_version, 1 - score)) for item, score in acquisition.items()]
        self.admin.add_predictions(self.project, drafts)
        self.admin.set_model_version(self.project, model_version)

    def served(self, annotator: LabelStudio) -> TaskRow:
        task = annotator.next_task(self.project)
        assert task is not None
        return task

    def work(self, annotator: LabelStudio, most: int) -> list[str]:
        """Items in the order in which the annotator got them."""
        order: list[str] = []
        while len(order) < most and (task := annotator.next_task(self.project)) is not None:
            order.append(str(task.item_id))
            annotator.annotate(task.id, write_answer(TASK, YES), uuid4())
        return order


@pytest.fixture
def queue(client: LabelStudio) -> Queue:
    return Queue(client)


def member(place: Place, admin: LabelStudio) -> LabelStudio:
    token = admin.sign_up(f"{uuid4().hex[:12]}@annotators.localhost", "a-long-password-1")
    return LabelStudio(place.url, token)


def test_the_task_of_highest_acquisition_is_served_first(queue: Queue, client: LabelStudio) -> None:
    queue.add(ACQUISITION, "m1")
    assert queue.work(client, 9) == ["best", "good", "fair", "dull"]


def test_tasks_imported_later_take_their_place_by_acquisition(queue: Queue, client: LabelStudio) -> None:
    queue.add(ACQUISITION, "m1")
    assert queue.work(client, 1) == ["best"]
    queue.add({"newest": 0.7, "urgent": 0.99}, "m1")
    assert queue.work(client, 9) == ["urgent", "good", "newest", "fair", "dull"]


def test_a_new_model_version_orders_the_tasks_from_the_next_call_on(queue: Queue, client: LabelStudio) -> None:
    queue.add(ACQUISITION, "m1")
    assert queue.work(client, 1) == ["best"]
    queue.rescore({"dull": 0.9, "good": 0.2, "fair": 0.6}, "m2")
    assert queue.work(client, 9) == ["dull", "fair", "good"]


def test_predictions_added_before_the_switch_change_nothing_yet(queue: Queue, client: LabelStudio) -> None:
    queue.add(ACQUISITION, "m1")
    queue.admin.add_predictions(queue.project, [(queue.tasks["dull"], PredictionDraft("m2", 0.0))])
    assert queue.work(client, 2) == ["best", "good"]


def test_after_the_switch_tasks_that_the_new_version_has_not_scored_come_last(
    queue: Queue, client: LabelStudio
) -> None:
    queue.add(ACQUISITION, "m1")
    queue.rescore({"dull": 0.3}, "m2")
    order = queue.work(client, 9)
    assert order[0] == "dull"
    assert set(order[1:]) == {"best", "good", "fair"}


def test_a_task_that_was_served_stays_with_its_annotator_whatever_better_one_arrives(
    queue: Queue, client: LabelStudio
) -> None:
    queue.add(ACQUISITION, "m1")
    held = queue.served(client)
    queue.add({"urgent": 0.999}, "m1")
    again = queue.served(client)
    assert (again.id, again.queue) == (held.id, "Task lock")
    assert queue.work(client, 3) == ["best", "urgent", "good"]


def test_the_task_that_one_annotator_holds_is_not_served_to_another(
    queue: Queue, client: LabelStudio, label_studio: Place
) -> None:
    queue.add(ACQUISITION, "m1")
    held = queue.served(client)
    with member(label_studio, client) as other:
        assert held.item_id == "best"
        assert queue.work(other, 9) == ["good", "fair", "dull"]


def test_deleting_the_task_that_somebody_holds_sets_them_free(queue: Queue, client: LabelStudio) -> None:
    queue.add(ACQUISITION, "m1")
    queue.admin.delete_tasks(queue.project, [queue.served(client).id])
    assert queue.work(client, 9) == ["good", "fair", "dull"]


def test_a_patched_score_moves_its_task(queue: Queue, client: LabelStudio) -> None:
    queue.add(ACQUISITION, "m1")
    [prediction] = queue.admin.predictions(queue.tasks["dull"])
    queue.admin.patch_prediction(prediction.id, {"score": 0.001})
    assert queue.work(client, 2) == ["dull", "best"]


def test_a_task_for_two_annotators_is_finished_before_a_better_one_is_begun(
    queue: Queue, client: LabelStudio, label_studio: Place
) -> None:
    """The documented exception: with several annotators per task, begun tasks come first."""
    queue.admin.patch_project(queue.project, {"maximum_annotations": 2})
    queue.add({"first": 0.5}, "m1")
    assert queue.work(client, 1) == ["first"]
    queue.add({"better": 0.9}, "m1")
    with member(label_studio, client) as other:
        assert queue.work(other, 2) == ["first", "better"]


def test_a_cluster_added_afterwards_makes_a_round_robin(queue: Queue, client: LabelStudio) -> None:
    queue.add(dict.fromkeys(["a1", "a2", "b1", "b2"], 0.0), "m1")
    clusters = {"a1": (0.01, 1), "a2": (0.02, 1), "b1": (0.5, 2), "b2": (0.6, 2)}
    scored = [
        (queue.tasks[item], PredictionDraft("m2", score, (), number)) for item, (score, number) in clusters.items()
    ]
    queue.admin.add_predictions(queue.project, scored)
    queue.admin.set_model_version(queue.project, "m2")
    assert queue.work(client, 4) == ["a1", "b1", "a2", "b2"]
