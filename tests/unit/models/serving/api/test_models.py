from pathlib import Path

from starlette.testclient import TestClient

from models.encoders.config import EncoderConfig
from models.encoders.hashing import HashingEncoder
from models.registry.records import Model, ModelKind
from models.serving.api.config import ApiConfig
from schemas.training import Artifact, Metric, ModelEvaluated, Regression
from tests.unit.models.serving.api.parts import House, house, name_of, talking

BUILT_IN = HashingEncoder(EncoderConfig()).version
MINI = Model(
    "mini-2",
    ModelKind.ENCODER,
    "mini-2",
    BUILT_IN,
    "default",
    "ab" * 32,
    "cd" * 32,
    "job-1",
    (Artifact(path="image-tower.safetensors", sha256="ef" * 32, length=12),),
    {"seed": 7},
    12.5,
)


def test_before_the_first_release_the_encoder_of_the_settings_serves(client: TestClient) -> None:
    body = client.get("/v1/models").json()
    assert body["live"] == {"generation": 0, "model": BUILT_IN, "encoder_version": BUILT_IN}
    assert body["rollout"] is None
    [model] = body["models"]
    assert (model["model"], model["serving"], model["loaded"], model["recipe"]) == (BUILT_IN, True, True, "built-in")
    assert (model["dim"], model["modalities"], model["untrained"]) == (384, ["image", "text"], [])


def test_registered_models_are_listed_with_where_they_come_from(client: TestClient, mill: House) -> None:
    mill.registry.models.register(MINI)
    _, mini = client.get("/v1/models").json()["models"]
    assert (mini["model"], mini["serving"], mini["loaded"], mini["dim"]) == ("mini-2", False, False, None)
    assert (mini["parent_version"], mini["snapshot_sha256"], mini["job_id"]) == (BUILT_IN, "cd" * 32, "job-1")


def test_a_model_is_told_with_its_files_and_the_verdict_on_it(client: TestClient, mill: House) -> None:
    mill.registry.models.register(MINI)
    mill.registry.evaluations.ask("e", "mini-2", "{}")
    worse = [
        Regression(tenant=tenant, item_id="a", version=1, metric="recall@10", candidate=0, live=1)
        for tenant in ("default", "other")
    ]
    verdict = ModelEvaluated(
        model_version="mini-2", metrics=(), passed=False, reasons=("recall fell",), seed=1, regressions=tuple(worse)
    )
    mill.registry.evaluations.finish("e", verdict)
    model = client.get("/v1/models/mini-2").json()
    assert [one["path"] for one in model["artifacts"]] == ["image-tower.safetensors"]
    assert (model["facts"], model["seconds"], model["recipe_sha256"]) == ({"seed": 7}, 12.5, "ab" * 32)
    assert (model["verdict"]["passed"], model["verdict"]["reasons"]) == (False, ["recall fell"])
    assert [one["tenant"] for one in model["verdict"]["regressions"]] == ["default"]


def test_reasons_and_slices_that_may_name_other_tenants_are_for_those_who_release(tmp_path: Path) -> None:
    config = ApiConfig(api_keys={"red-key": "red", "blue-key": "blue"}, operators=frozenset({"blue"}))
    mill = house(tmp_path, config)
    mill.registry.models.register(MINI)
    mill.registry.evaluations.ask("e", "mini-2", "{}")
    metrics = tuple(Metric(name="recall", slice=inside, candidate=1) for inside in ("all", "source=acme"))
    verdict = ModelEvaluated(
        model_version="mini-2", metrics=metrics, passed=False, reasons=("worse in source=acme",), seed=1
    )
    mill.registry.evaluations.finish("e", verdict)
    with talking(mill) as client:
        red, blue = (
            client.get("/v1/models/mini-2", headers={"Authorization": f"Bearer {key}"}).json()["verdict"]
            for key in ("red-key", "blue-key")
        )
    assert ([one["slice"] for one in red["metrics"]], red["reasons"], red["passed"]) == (["all"], [], False)
    assert ([one["slice"] for one in blue["metrics"]], len(blue["reasons"])) == (["all", "source=acme"], 1)


def test_the_encoder_of_the_settings_is_a_model_too(client: TestClient) -> None:
    assert client.get(f"/v1/models/{BUILT_IN}").json()["recipe"] == "built-in"


def test_a_model_that_nobody_made_is_404(client: TestClient) -> None:
    assert name_of(client.get("/v1/models/a/b")) == "unknown-model"
    assert name_of(client.post("/v1/models/a/b/promote", json={})) == "unknown-model"


def test_a_promotion_answers_with_the_rollout_that_it_begins(client: TestClient, mill: House) -> None:
    mill.registry.models.register(MINI)
    response = client.post("/v1/models/mini-2/promote", json={"force": True, "canary_share": 0.25})
    rollout = response.json()
    assert (response.status_code, rollout["model"], rollout["state"]) == (202, "mini-2", "preparing")
    assert (rollout["share"], rollout["forced"], rollout["requested_by"]) == (0.25, True, "api/default")
    assert mill.registry.rollouts.current() is not None


def test_a_promotion_that_is_refused_says_why_and_leaves_its_key_free(client: TestClient, mill: House) -> None:
    mill.registry.models.register(MINI)
    first, second, third = (
        client.post("/v1/models/mini-2/promote", json={}, headers={"Idempotency-Key": key}) for key in ("a", "b", "a")
    )
    assert (second.status_code, name_of(second)) == (409, "release-refused")
    assert (second.json()["reason"], second.json()["detail"]) == ("rollout_under_way", "another model is on its way")
    assert first.json() == third.json()
    assert third.headers["idempotency-replayed"] == "true"


def test_a_rollback_needs_a_reason_and_answers_with_the_rollout_that_went_back(client: TestClient, mill: House) -> None:
    mill.registry.models.register(MINI)
    client.post("/v1/models/mini-2/promote", json={})
    assert client.post("/v1/models/rollback", json={}).status_code == 422
    rollout = client.post("/v1/models/rollback", json={"reason": "fewer clicks"}).json()
    assert (rollout["state"], rollout["reason"]) == ("rolled_back", "fewer clicks")


def test_without_a_release_there_is_nothing_to_go_back_to(client: TestClient) -> None:
    response = client.post("/v1/models/rollback", json={"reason": "x"})
    assert (response.status_code, response.json()["reason"]) == (409, "nothing_to_go_back_to")


def test_where_nothing_is_trained_models_still_tell_what_serves(tmp_path: Path) -> None:
    with talking(house(tmp_path, learning=None)) as client:
        assert client.get("/v1/models").json()["live"]["model"] == BUILT_IN
        assert client.get("/v1/models/mini-2").status_code == 404
        assert client.post("/v1/models/mini-2/promote", json={}).status_code == 501


def test_an_evaluation_is_asked_for_once_under_its_key(client: TestClient, mill: House) -> None:
    mill.registry.models.register(MINI)
    asked = [client.post("/v1/eval/run", json={"model": "mini-2"}, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert {one.status_code for one in asked} == {202}
    [evaluation] = mill.registry.evaluations.open()
    assert {one.json()["evaluation_id"] for one in asked} == {evaluation.evaluation_id}
    assert evaluation.model_version == "mini-2"


def test_while_an_evaluation_waits_that_is_the_one(client: TestClient, mill: House) -> None:
    mill.registry.models.register(MINI)
    asked = [client.post("/v1/eval/run", json={"model": "mini-2"}).json() for _ in range(2)]
    assert asked[0]["evaluation_id"] == asked[1]["evaluation_id"]
    mill.registry.evaluations.fail(asked[0]["evaluation_id"], "no evaluation set")
    third = client.post("/v1/eval/run", json={"model": "mini-2"}).json()
    assert third["evaluation_id"] != asked[0]["evaluation_id"]


def test_what_is_not_registered_is_not_evaluated(client: TestClient) -> None:
    assert name_of(client.post("/v1/eval/run", json={"model": "mini-3"})) == "unknown-model"


def test_an_index_is_not_built_by_hand_and_the_answer_says_what_to_do(client: TestClient) -> None:
    response = client.post("/v1/index/build")
    assert (response.status_code, name_of(response)) == (501, "no-index-build")
    assert "millrace replay" in response.json()["detail"]
