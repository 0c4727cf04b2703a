"""What a job does before anything is trained; the rest needs ranks, and is tested with real ones."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.registry.records import Progress
from streams.errors import Misconfigured
from tests.unit.trainers.jobs.bench import Bench
from trainers.jobs.run import train
from trainers.jobs.steps import SECONDS
from trainers.jobs.workbench import cause_of
from trainers.loop.launcher import RunStopped


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.engine.dispose()


def test_a_job_that_is_stopped_before_a_step_does_not_begin_it(bench: Bench, tmp_path: Path) -> None:
    bench.ask()
    told: list[Progress] = []
    with pytest.raises(RunStopped, match="before snapshot"):
        train(bench.claimed().job, tmp_path / "job", bench.work, told.append, lambda: True)
    assert told == []


def test_time_that_was_spent_before_an_interruption_counts(bench: Bench, tmp_path: Path) -> None:
    bench.ask()
    job, folder = bench.claimed().job, tmp_path / "job"
    spent = []
    for _ in range(3):
        with pytest.raises(Misconfigured, match="only millrace-mini can be trained"):
            train(job, folder, bench.work, lambda _: None, lambda: False)
        spent.append(json.loads((folder / SECONDS).read_text())["snapshot"])
        (folder / SECONDS).write_text(json.dumps({"snapshot": spent[-1] + 100}))
    assert all(later >= earlier + 100 for earlier, later in itertools.pairwise(spent))


def test_what_follows_from_a_job_follows_from_its_request(bench: Bench) -> None:
    asked = bench.ask()
    cause = cause_of(bench.job())
    assert (cause.event_id, cause.traceparent) == (asked.event_id, asked.traceparent)
