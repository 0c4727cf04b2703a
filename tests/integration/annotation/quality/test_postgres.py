"""Consensus in a real PostgreSQL, with replicas of the stage side by side."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, select

from annotation.quality.config import QualityConfig
from annotation.quality.gold import GoldAnswers, chosen
from annotation.quality.memory.memory import Memory
from annotation.quality.tables import annotator_tallies
from models.labels.accounts import Account, Accounts, Judgement, Verdict, Verdicts
from models.labels.store import LabelStore
from schemas.annotations import Purpose
from schemas.items import WithdrawalMode
from tests.integration.postgres import empty_database
from tests.unit.annotation.quality.spoken import Mill, changed, completed, item_withdrawn, task, withdrawn


@pytest.fixture
def engine(postgres_url: str) -> Iterator[Engine]:
    with empty_database(postgres_url) as engine:
        Memory(engine, (), QualityConfig()).create_tables()
        yield engine


def labels(engine: Engine) -> dict[str, tuple[str, ...]]:
    return {label.item_id: label.labels for label in LabelStore(engine).labels("topic", "acme")}


def test_labels_come_change_and_go(engine: Engine) -> None:
    mill = Mill(engine)
    mill.told(completed("a", "ann", "sport"), completed("b", "ann", "news"), completed("c", "ann", "arts"))
    mill.told(changed("a", "ann", "arts"), withdrawn("b", "ann"), item_withdrawn("c", mode=WithdrawalMode.ERASE))
    assert labels(engine) == {"a": ("arts",)}
    changes = LabelStore(engine).changes("topic", "acme")
    assert (len(changes.settled), sorted(changes.gone), changes.upto) == (1, ["b", "c"], 6)


def test_records_that_come_again_are_answered_with_the_very_same_facts(engine: Engine) -> None:
    mill = Mill(engine, task(annotators=2))
    batch = mill.incoming([completed("a", "ann", "sport"), completed("a", "bob", "arts")])
    before = mill.stage.outcomes(batch)
    assert Mill(engine, task(annotators=2)).stage.outcomes(batch) == before


def test_gold_is_measured_and_trust_is_followed(engine: Engine) -> None:
    mill = Mill(engine)
    mill.told(completed("a", "ann", "sport"))
    GoldAnswers(engine, task()).add([("g", chosen(task(), ["arts"]))])
    mill.tick()
    mill.told(completed("g", "ann", "news", purpose=Purpose.GOLD.value))
    mill.tick()
    assert LabelStore(engine).labels("topic", "acme")[0].trust == pytest.approx(0.82)
    assert GoldAnswers(engine, task()).remove(["g"]) == 1


def test_replicas_that_work_at_once_lose_no_answer_and_number_every_change_once(engine: Engine) -> None:
    mills = [Mill(engine, task(annotators=2), start=1000 * place) for place in range(4)]

    def work(place: int) -> None:
        for item in range(10):
            name = f"item-{place}-{item}"
            mills[place].told(completed(name, "ann", "sport"))
            mills[place].told(completed(name, "bob", "sport"))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    store = LabelStore(engine)
    assert len(labels(engine)) == store.count("topic", "acme") == 40
    assert store.latest_change("topic", "acme") == 40
    with engine.connect() as connection:
        rows = connection.execute(select(annotator_tallies)).all()
    assert {row.annotator: (row.peers_agreed, row.peers_met) for row in rows} == {"ann": (40, 40), "bob": (40, 40)}


def test_accounts_are_kept(engine: Engine) -> None:
    account = Account("acme", "topic", "mini-1", "margin", "{}", 3, 10)
    verdict = Verdict("acme", "topic", "mini-1", "margin", Judgement.BEHIND, -0.3, -0.6, -0.1, 90, 40, 10)
    for _ in range(2):
        Accounts(engine).keep(account, verdict)
    assert Accounts(engine).latest("acme") == [account]
    assert Verdicts(engine).latest("acme", "topic", "mini-1", "margin") == verdict
