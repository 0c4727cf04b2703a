from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Engine

from models.labels.accounts import Account, Accounts, Judgement, Verdict, Verdicts
from models.labels.tables import metadata
from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine

ACCOUNT = Account("acme", "topic", "mini-1", "graph-herding", '{"share": 0.4}', 9, 100)
VERDICT = Verdict("acme", "topic", "mini-1", "graph-herding", Judgement.GAIN, 0.4, 0.2, 0.5, 90, 40, 100)


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = open_engine(MetadataConfig(url="sqlite:///:memory:"))
    metadata.create_all(engine)
    yield engine
    engine.dispose()


def test_an_account_and_its_verdict_come_back_as_they_were_kept(engine: Engine) -> None:
    Accounts(engine).keep(ACCOUNT, VERDICT)
    assert Accounts(engine).latest("acme", "topic") == [ACCOUNT]
    assert Verdicts(engine).latest("acme", "topic", "mini-1", "graph-herding") == VERDICT


def test_a_newer_account_replaces_the_older_one(engine: Engine) -> None:
    Accounts(engine).keep(ACCOUNT, VERDICT)
    newer = replace(ACCOUNT, content="{}", at_ms=200)
    Accounts(engine).keep(newer, replace(VERDICT, judgement=Judgement.BEHIND, at_ms=200))
    assert Accounts(engine).latest() == [newer]
    latest = Verdicts(engine).latest("acme", "topic", "mini-1", "graph-herding")
    assert latest is not None
    assert latest.judgement is Judgement.BEHIND


def test_a_strategy_that_nobody_judged_has_no_verdict(engine: Engine) -> None:
    Accounts(engine).keep(ACCOUNT, VERDICT)
    assert Verdicts(engine).latest("acme", "topic", "mini-1", "margin") is None
