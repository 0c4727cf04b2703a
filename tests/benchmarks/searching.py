"""Searches while items come in at half load, against searches at rest: the P95 over the HTTP API of a real worker.

Three worker processes run; half load is half of the rate at which they took a backlog. The same questions are asked in
both cases, one after the other with a pause, by one client. Every question has words of its own: an answer from the
cache of questions would prove nothing.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from itertools import count
from threading import Thread

from infra.cli.search import PATH
from tests.benchmarks.freshness import BACKLOG, Pipeline
from tests.benchmarks.ground import Ground, Log
from tests.benchmarks.harness import AtMost, Measured, Side, compare, percentile
from tests.benchmarks.items import WORDS
from tests.benchmarks.report import Row
from tests.benchmarks.workers import Worker, create_topics, running

QUESTIONS = 60
PAUSE_S = 0.05
WARM_UP_S = 0.5
"""From the first item sent until the pipeline is at work."""
RESULTS = 10
P95 = 0.95
JSON = {"Content-Type": "application/json"}


def searching(ground: Ground) -> list[Row]:
    log = Log(ground)
    create_topics(log.config)
    with running(("curation", "embedding", "search"), log.config, ground.folder / "mill") as workers:
        pipeline = Pipeline(log)
        pipeline.publish(ground.count(BACKLOG), per_s=1e9)
        rate = pipeline.publish(ground.count(BACKLOG), per_s=1e9).rate
        at_rest = _asked(workers["search"])

        def ours() -> Measured:
            with _items_coming_in(pipeline, rate / 2):
                return at_rest()

        compared = compare(ours, at_rest, AtMost(3.0), ground.pairs, tries=1)
    return [Row("search while ingesting", "search at rest", "ms, P95", compared, {"half load, items/s": rate / 2})]


@contextmanager
def _items_coming_in(pipeline: Pipeline, per_s: float) -> Iterator[None]:
    """Items of one round, sent from before its first question until after its last."""
    seconds = WARM_UP_S + QUESTIONS * 2 * PAUSE_S
    thread = Thread(target=pipeline.publish, args=(int(per_s * seconds), per_s))
    thread.start()
    time.sleep(WARM_UP_S)
    try:
        yield
    finally:
        thread.join()


def _asked(worker: Worker) -> Side:
    numbers = count()

    def run() -> Measured:
        connection = HTTPConnection("127.0.0.1", worker.api_port, timeout=30)
        times_ms, found = [], 0
        for number in range(QUESTIONS):
            words = f"{WORDS[number % len(WORDS)]} {next(numbers)}"
            started = time.perf_counter()
            connection.request("POST", PATH, json.dumps({"query": {"text": words}, "k": RESULTS}), JSON)
            answer = json.loads(connection.getresponse().read())
            times_ms.append((time.perf_counter() - started) * 1000)
            found += len(answer["results"])
            time.sleep(PAUSE_S)
        connection.close()
        return Measured(percentile(times_ms, P95), found)

    return run
