import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine

from annotation.account.config import AccountConfig
from annotation.account.drawing_up import Bookkeeper, VectorsOf, from_json, is_due
from annotation.tasks import TaskConfig
from models.labels.accounts import Accounts, Judgement, Verdicts
from models.labels.store import LabelStore, Standing, write_standings
from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from schemas.annotations import Arm
from streams.errors import Unavailable
from tests.unit.annotation.account.invented import cloud

TASK = TaskConfig(name="topic", labels=("class-0", "class-1", "class-2"), tenant="acme")
CONFIG = AccountConfig(resamples=20, points=3, folds=2, min_labels=30, every_labels=10, rest_s=0)


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = open_engine(MetadataConfig(url="sqlite:///:memory:"))
    LabelStore(engine).create_tables()
    yield engine
    engine.dispose()


def settle(engine: Engine, count: int, start: int = 0) -> None:
    """Labels, every second one of the random arm."""
    _, names = cloud(200, 1)
    standings = [
        Standing(
            "acme", "topic", f"{place}", 3, list(Arm)[place % 2], None, (str(names[place]),), (), 0.9, 1, at_ms=place
        )
        for place in range(start, start + count)
    ]
    with engine.begin() as connection:
        write_standings(connection, [(None, one) for one in standings])


def vectors(_tenant: str, _version: str, item_ids: Sequence[str]) -> dict[str, tuple[int, np.ndarray]]:
    points, _ = cloud(200, 1)
    return {item_id: (3, points[int(item_id)]) for item_id in item_ids}


def keeper(
    engine: Engine,
    look_up: VectorsOf = vectors,
    version: Callable[[], str] = lambda: "mini-1",
    config: AccountConfig = CONFIG,
) -> Bookkeeper:
    return Bookkeeper(LabelStore(engine), Accounts(engine), look_up, [TASK], version, lambda *_: "margin", config)


def test_an_account_is_kept_with_its_verdict_on_the_strategy(engine: Engine) -> None:
    settle(engine, 80)
    assert keeper(engine).look() == 1
    [kept] = Accounts(engine).latest("acme", "topic")
    account = from_json(kept.content)
    verdict = Verdicts(engine).latest("acme", "topic", "mini-1", "margin")
    assert verdict is not None
    assert (verdict.judgement, verdict.share, verdict.low) == (account.verdict, account.share, account.low)
    assert (verdict.active_labels, verdict.random_labels, kept.change) == (40, 40, 80)


def test_no_account_is_due_before_enough_labels_have_come(engine: Engine) -> None:
    settle(engine, 80)
    bookkeeper = keeper(engine)
    bookkeeper.look()
    settle(engine, 19, start=80)
    assert bookkeeper.look() == 0
    settle(engine, 11, start=99)
    assert bookkeeper.look() == 1


def test_a_new_model_version_gets_an_account_of_its_own(engine: Engine) -> None:
    settle(engine, 80)
    keeper(engine).look()
    assert is_due(LabelStore(engine), Accounts(engine), TASK, "mini-2", CONFIG)
    keeper(engine, version=lambda: "mini-2").look()
    assert {one.model_version for one in Accounts(engine).latest()} == {"mini-1", "mini-2"}


def test_without_vectors_there_are_not_enough_labels(engine: Engine) -> None:
    settle(engine, 80)
    keeper(engine, lambda *_: {}).look()
    verdict = Verdicts(engine).latest("acme", "topic", "mini-1", "margin")
    assert verdict is not None
    assert verdict.judgement is Judgement.NOT_ENOUGH_LABELS


def test_an_index_that_does_not_answer_leaves_the_last_account(engine: Engine) -> None:
    settle(engine, 80)
    keeper(engine).look()
    before = Accounts(engine).latest()
    settle(engine, 40, start=80)

    def down(_tenant: str, _version: str, _item_ids: Sequence[str]) -> dict[str, tuple[int, np.ndarray]]:
        raise Unavailable("the index is restarting")

    with pytest.raises(Unavailable):
        keeper(engine, down).look()
    assert Accounts(engine).latest() == before


def test_the_bookkeeper_gives_up_the_account_in_hand_when_it_is_told_to_stop(tmp_path: Path) -> None:
    engine = open_engine(MetadataConfig(url=f"sqlite:///{tmp_path}/metadata.sqlite"))
    LabelStore(engine).create_tables()
    settle(engine, 80)
    asked = threading.Event()

    def slowly(tenant: str, version: str, item_ids: Sequence[str]) -> dict[str, tuple[int, np.ndarray]]:
        asked.set()
        return vectors(tenant, version, item_ids)

    bookkeeper = keeper(engine, slowly, config=CONFIG.model_copy(update={"rest_s": 10.0}))
    bookkeeper.start()
    assert asked.wait(60)
    assert bookkeeper.ready() is None
    bookkeeper.stop()
    assert bookkeeper.ready() is not None
    assert Accounts(engine).latest() == []
    engine.dispose()
