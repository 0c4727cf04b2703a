"""Each rule of delivery, broken on purpose, must be noticed; and the same run without sabotage must be clean."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from tests.faults.failpoints import Fuse
from tests.faults.ledger import Ledger
from tests.faults.mill import Mill
from tests.faults.observe import observed, raw_log, sample_of
from tests.faults.plan import plan
from tests.faults.publisher import Publisher, old_records
from tests.faults.sabotage import Sabotage
from tests.faults.verdict import kinds, verdict

ALL = ("curation", "embedding", "indexing")
READ_S = 60.0


@dataclass(frozen=True, slots=True)
class Trial:
    """What is broken, where the worker dies, and what must be found."""

    sabotage: Sabotage
    deaths: Sequence[str]
    disorder: bool
    """Old contents come again at the end, after newer ones and after withdrawals."""
    found: str


TRIALS = (
    Trial(Sabotage.COMMIT_BEFORE_WRITE, ("embedding/before_sink:1",), False, "lost"),
    Trial(Sabotage.RANDOM_IDS, ("embedding/after_flush:1",), False, "doubled"),
    Trial(Sabotage.NO_VERSION_GUARD, (), True, "stale"),
    Trial(Sabotage.BARE_DELETE, (), True, "resurrected"),
    Trial(Sabotage.LETTERS_NOT_FLUSHED, ("curation/after_commit:1",), False, "lost"),
)


def judged(mill: Mill, trial: Trial, sabotage: Sabotage | None) -> list[str]:
    """A small run: everything published, the worker killed as told, all read, judged from outside."""
    operations = plan(seed=1, items=200)
    ledger = Ledger.of(operations, mill.folder / "ledger.jsonl")
    publisher = Publisher(mill.kafka, ledger)
    publisher.publish(operations)
    for death in trial.deaths:
        mill.worker(*ALL, die_at=Fuse.parse(death), sabotage=sabotage).wait_killed(READ_S)
    worker = mill.worker(*ALL, sabotage=sabotage)
    mill.wait_until_read(READ_S, worker.well)
    if trial.disorder:
        again = old_records(mill.kafka, "items.embedded", 1.0, random.Random(1), contents_only=True)
        publisher.copy("items.embedded", again)
        mill.wait_until_read(READ_S, worker.well)
    publisher.close()
    assert worker.stop() == 0, worker.last_words()
    expected = ledger.expected(raw_log(mill.broker.bootstrap, mill.prefix))
    found = observed(
        mill.broker.bootstrap, mill.prefix, mill.data_dir, sample_of(ledger, expected, 20), recording=False
    )
    return verdict(expected, found)


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.sabotage)
def test_a_broken_rule_is_noticed(mill: Callable[..., Mill], trial: Trial) -> None:
    assert trial.found in kinds(judged(mill(), trial, trial.sabotage))


@pytest.mark.long_faults
@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.sabotage)
def test_the_same_run_without_sabotage_is_clean(mill: Callable[..., Mill], trial: Trial) -> None:
    assert judged(mill(), trial, None) == []
