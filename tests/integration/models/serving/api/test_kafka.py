"""Items and searches through the API into a real broker."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from infra.supervisor.ports import free_port
from models.serving.api.config import ApiConfig
from models.serving.api.server import ApiServer
from schemas.event import Event
from schemas.items import ItemPublished, ItemWithdrawn
from streams.codec import decode
from streams.kafka.config import KafkaConfig
from streams.kafka.consumer import KafkaConsumer
from streams.kafka.producer import KafkaProducer
from streams.kafka.topic_admin import TopicAdmin
from streams.topic_plan import manifest, plan
from streams.topics import FEEDBACK, RAW, SEARCHES, Topic
from tests.unit.models.serving.api.parts import house


@pytest.fixture
def log(kafka: str) -> KafkaConfig:
    config = KafkaConfig(bootstrap_servers=kafka, prefix=f"api-{uuid4().hex[:8]}")
    admin = TopicAdmin(config)
    wanted = {topic.full_name(config.prefix) for topic in (RAW, SEARCHES, FEEDBACK)}
    for step in plan([topic for topic in manifest(config.prefix, []) if topic.name in wanted], {}):
        admin.apply(step)
    return config


@pytest.fixture
def server(log: KafkaConfig, tmp_path: Path) -> Iterator[ApiServer]:
    producer = KafkaProducer(log)
    app = house(tmp_path, ApiConfig(), producer=producer, prefix=log.prefix).app
    server = ApiServer(app, "127.0.0.1", 0)
    server.start()
    yield server
    server.stop()
    producer.close()


def events(log: KafkaConfig, topic: Topic, count: int) -> list[Event]:
    """The first `count` events of a topic, and a short wait for one too many."""
    consumer = KafkaConsumer(log, f"{log.prefix}.{uuid4().hex[:8]}", [topic.full_name(log.prefix)])
    found: list[Event] = []
    for _ in range(60):
        found += [decode(record, topic.events) for record in consumer.poll(500, 0.5)]
        if len(found) >= count:
            break
    found += [decode(record, topic.events) for record in consumer.poll(500, 1.0)]
    consumer.close()
    return found


def test_what_was_accepted_is_in_the_log_once_whatever_is_repeated(server: ApiServer, log: KafkaConfig) -> None:
    with httpx.Client(base_url=server.url, timeout=60, trust_env=False) as client:
        for place in range(20):
            for _ in range(2):
                headers = {"Idempotency-Key": f"key-{place}"}
                answer = client.post("/v1/items", json={"item_id": f"i/{place}", "text": "x"}, headers=headers)
                assert answer.status_code == 202
        assert client.delete("/v1/items/i/0").status_code == 202
    found = events(log, RAW, 21)
    assert len(found) == 21
    assert sorted(fact.item_id for fact in found if isinstance(fact, ItemPublished)) == sorted(
        f"i/{place}" for place in range(20)
    )
    [withdrawn] = [fact for fact in found if isinstance(fact, ItemWithdrawn)]
    assert withdrawn.item_id == "i/0"


def test_facts_about_searches_reach_the_log_while_the_server_runs(server: ApiServer, log: KafkaConfig) -> None:
    answers = [
        httpx.post(f"{server.url}/v1/retrieval/search", json={"query": {"text": "x"}}, timeout=60, trust_env=False)
        for _ in range(5)
    ]
    impressions = {answer.json()["impression_id"] for answer in answers}
    assert {str(fact.event_id) for fact in events(log, SEARCHES, 5)} == impressions


def test_feedback_is_in_the_log_when_it_is_accepted_and_repetitions_are_the_same_fact(
    server: ApiServer, log: KafkaConfig
) -> None:
    with httpx.Client(base_url=server.url, timeout=60, trust_env=False) as client:
        impression = client.post("/v1/retrieval/search", json={"query": {"text": "x"}}).json()["impression_id"]
        click = {"impression_id": impression, "kind": "click", "item_id": "a", "consent": True}
        accepted = [client.post("/v1/feedback", json=click) for _ in range(2)]
    assert [answer.status_code for answer in accepted] == [202, 202]
    found = events(log, FEEDBACK, 2)
    assert {str(fact.event_id) for fact in found} == {accepted[0].json()["event_id"]}
    assert {str(getattr(fact, "impression_id", None)) for fact in found} == {impression}


def test_a_broker_that_nobody_runs_is_503_and_searches_go_on(tmp_path: Path) -> None:
    producer = KafkaProducer(KafkaConfig(bootstrap_servers=f"127.0.0.1:{free_port()}"))
    config = ApiConfig(publish_timeout_s=0.5, stop_grace_s=1)
    server = ApiServer(house(tmp_path, config, producer=producer).app, "127.0.0.1", 0, stop_grace_s=1)
    server.start()
    with httpx.Client(base_url=server.url, timeout=60, trust_env=False) as client:
        published = client.post("/v1/items", json={"text": "x"})
        searched = client.post("/v1/retrieval/search", json={"query": {"text": "x"}})
    server.stop()
    assert (published.status_code, searched.status_code) == (503, 200)
