"""The client's promises, on a real server."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest

from annotation.label_studio.client.connection import is_personal
from annotation.label_studio.client.errors import Absent, AlreadyThere, Invalid
from annotation.label_studio.client.label_studio import LabelStudio
from annotation.label_studio.client.rows import PredictionDraft, TaskDraft
from annotation.label_studio.templates.answers import Answer
from annotation.label_studio.templates.page import label_config
from annotation.label_studio.templates.writing import write_answer
from annotation.tasks import TaskConfig
from schemas.items import Modality
from streams.errors import Misconfigured, Unavailable
from tests.studio import Place

TASK = TaskConfig(name="client", labels=("yes", "no"), modalities=(Modality.TEXT,))
YES = write_answer(TASK, Answer(labels=("yes",)))
NO = write_answer(TASK, Answer(labels=("no",)))


@pytest.fixture
def project(client: LabelStudio) -> int:
    return client.create_project(f"client {uuid4().hex[:8]}", label_config(TASK)).id


def add(client: LabelStudio, project: int, *items: str) -> list[int]:
    return client.import_tasks(project, [TaskDraft({"item_id": item, "text": item}) for item in items])


def test_the_server_says_its_version_and_health(client: LabelStudio) -> None:
    assert client.health()
    assert client.version().startswith("1.")


def test_a_project_is_found_by_its_exact_title(client: LabelStudio) -> None:
    title = f"Title {uuid4().hex[:8]}"
    client.create_project(title.upper(), label_config(TASK))
    client.create_project(f"{title} too", label_config(TASK))
    assert client.find_project(title) is None
    made = client.create_project(title, label_config(TASK))
    found = client.find_project(title)
    assert found is not None
    assert found.id == made.id


@pytest.mark.parametrize("item", ["acme/doc-77", 'a "quoted" \\ one', "größer 好 🐈", "100%", "123", "true", "x" * 512])
def test_a_task_is_found_by_its_item_whatever_that_is_called(client: LabelStudio, project: int, item: str) -> None:
    ids = add(client, project, item, f"{item}x", item.upper() + "Y")
    assert [row.id for row in client.find_tasks(project, [item, "unknown"])[item]] == [ids[0]]


def test_many_items_are_found_at_once_each_with_all_its_tasks(client: LabelStudio, project: int) -> None:
    items = [f"item-{number}" for number in range(600)]
    first, second = add(client, project, *items), add(client, project, "item-5")
    found = client.find_tasks(project, items)
    assert {item: rows[0].id for item, rows in found.items()} == dict(zip(items, first, strict=True))
    assert [row.id for row in found["item-5"]] == [first[5], second[0]]


def test_of_a_batch_with_a_bad_task_nothing_is_created(client: LabelStudio, project: int) -> None:
    with pytest.raises(Invalid):
        client.import_tasks(project, [TaskDraft({"item_id": "a", "text": "a"}), TaskDraft({"item_id": "b"})])
    assert client.tasks_by_keyset(project) == []


def test_an_annotation_given_twice_under_one_id_is_there_once(client: LabelStudio, project: int) -> None:
    [task], unique_id = add(client, project, "a"), uuid4()
    assert client.annotate(task, YES, unique_id, 1.5) is not None
    assert client.annotate(task, NO, unique_id, 1.5) is None
    [annotation] = client.annotations(task)
    assert (annotation.result, annotation.lead_time, annotation.was_cancelled) == (YES, 1.5, False)


def test_every_change_of_an_annotation_is_seen_from_the_moment_before(client: LabelStudio, project: int) -> None:
    changed, _ = add(client, project, "changed", "untouched")

    def seen() -> list[tuple[int, object]]:
        rows = client.tasks_updated_since(project, last)
        return [(note.id, note.result) for row in rows if row.id == changed for note in row.annotations]

    def moment() -> datetime:
        rows = client.tasks_updated_since(project, datetime.now(UTC) - timedelta(hours=1))
        assert rows[-1].updated_at is not None
        return rows[-1].updated_at + timedelta(microseconds=1)

    last = moment()
    assert seen() == []
    made = client.annotate(changed, YES, uuid4())
    assert made is not None
    assert seen() == [(made.id, YES)]
    last = moment()
    client.patch_annotation(made.id, {"result": NO})
    assert seen() == [(made.id, NO)]
    last = moment()
    client.delete_annotation(made.id)
    assert [row.id for row in client.tasks_updated_since(project, last)] == [changed]
    assert seen() == []
    with pytest.raises(Absent):
        client.annotation(made.id)


def test_a_keyset_sweep_sees_every_task_once_though_others_are_deleted_meanwhile(
    client: LabelStudio, project: int
) -> None:
    ids = add(client, project, *(f"item-{number}" for number in range(30)))
    first = client.tasks_by_keyset(project, page_size=10)
    client.delete_tasks(project, ids[:5])
    rest = client.tasks_by_keyset(project, first[-1].id, page_size=100)
    assert [row.id for row in [*first, *rest]] == ids
    assert client.tasks_by_keyset(project, ids[-1]) == []


def test_deleting_no_task_deletes_no_task(client: LabelStudio, project: int) -> None:
    ids = add(client, project, "a", "b")
    client.delete_tasks(project, [])
    client.delete_tasks(project, [ids[0], 10**9])
    assert [row.id for row in client.tasks_by_keyset(project)] == [ids[1]]


def test_a_skip_is_an_annotation_without_a_result(client: LabelStudio, project: int) -> None:
    [task] = add(client, project, "a")
    client.annotate(task, [], uuid4(), was_cancelled=True)
    [row] = client.tasks_by_keyset(project)
    assert (row.annotations[0].was_cancelled, row.annotations[0].result) == (True, [])


def test_an_unknown_model_version_is_refused(client: LabelStudio, project: int) -> None:
    [task] = add(client, project, "a")
    client.add_predictions(project, [(task, PredictionDraft("m1", 0.5, YES))])
    assert client.model_versions(project) == {"m1": 1}
    with pytest.raises(Invalid):
        client.set_model_version(project, "m2")


def test_a_prediction_for_an_unknown_task_is_refused(client: LabelStudio, project: int) -> None:
    with pytest.raises(Invalid):
        client.add_predictions(project, [(10**9, PredictionDraft("m1", 0.5))])


def test_overlap_and_meta_of_one_task_can_be_changed(client: LabelStudio, project: int) -> None:
    [task] = add(client, project, "a")
    client.patch_task(task, overlap=3, meta={"request": "r1"})
    [row] = client.tasks_by_keyset(project, annotated=False)
    assert (row.overlap, row.meta, row.item_id) == (3, {"request": "r1"}, "a")


def test_a_webhook_to_this_machine_can_be_made_and_removed(client: LabelStudio, project: int) -> None:
    made = client.create_webhook(project, "http://127.0.0.1:9/hook", {"X-Secret": "s"})
    assert [(hook.id, len(hook.actions)) for hook in client.webhooks(project)] == [(made.id, 4)]
    client.delete_webhook(made.id)
    assert client.webhooks(project) == []


def test_a_member_signs_up_once_and_speaks_for_themselves(client: LabelStudio, label_studio: Place) -> None:
    email = f"{uuid4().hex[:12]}@annotators.localhost"
    with LabelStudio(label_studio.url, client.sign_up(email, "a-long-password-1")) as member:
        assert member.whoami().email == email
    with pytest.raises(AlreadyThere):
        client.sign_up(email, "a-long-password-1")


def test_a_bad_password_is_refused(client: LabelStudio) -> None:
    with pytest.raises(Invalid):
        client.sign_up(f"{uuid4().hex[:12]}@annotators.localhost", "x")


def test_nobody_signs_up_without_an_invitation(label_studio: Place) -> None:
    with httpx.Client(base_url=label_studio.url, timeout=30.0) as browser:
        browser.get("/user/signup/")
        fields = {"email": f"{uuid4().hex}@example.org", "password": "a-long-password-1"}
        answer = browser.post("/user/signup/", data=fields | {"csrfmiddlewaretoken": browser.cookies["csrftoken"]})
    assert (answer.status_code, "CSRF" in answer.text) == (httpx.codes.FORBIDDEN, False)


def test_a_personal_token_works_like_the_legacy_one(label_studio: Place, client: LabelStudio) -> None:
    legacy = client.sign_up(f"{uuid4().hex[:12]}@annotators.localhost", "a-long-password-1")
    headers = {"Authorization": f"Token {legacy}"}
    personal = httpx.post(f"{label_studio.url}/api/token/", headers=headers, json={}, timeout=30.0).json()["token"]
    assert is_personal(personal)
    with LabelStudio(label_studio.url, legacy) as one, LabelStudio(label_studio.url, personal) as other:
        assert other.whoami() == one.whoami()


@pytest.mark.parametrize("token", ["0" * 40, "eyJhbGciOiJIUzI1NiJ9.e30.c2ln"])
def test_a_wrong_token_is_a_matter_of_settings(label_studio: Place, token: str) -> None:
    with LabelStudio(label_studio.url, token) as stranger, pytest.raises(Misconfigured, match="token"):
        stranger.whoami()


def test_where_nobody_listens_the_server_is_down() -> None:
    with LabelStudio("http://127.0.0.1:1", "x") as nobody:
        assert not nobody.health()
        with pytest.raises(Unavailable):
            nobody.version()
