"""Searches while another model takes over, against searches at rest: the P95, and the longest wait for a good answer.

Three worker processes run. A model with picture weights of its own is promoted, older items are embedded anew, both
spaces are compared, a canary answers a fifth of the searches, and the model serves. All the while one client asks one
question after the other over the HTTP API of a real worker, each with words of its own. An answer is good if it has
results and names the encoder that its generation and arm may answer with; the wait runs from one good answer to the
next. It is held against the P99 of these waits at rest, which is less than the longest of them: that one is noted.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from http.client import HTTPConnection
from itertools import count, islice
from pathlib import Path
from statistics import median
from threading import Event, Thread

from infra.cli.search import PATH
from models.encoders.config import EncoderConfig
from models.encoders.image_tower import ImageTower
from models.encoders.mini import MillraceMini, text_tower
from models.encoders.released import save_released
from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from models.registry.artifacts.store import ArtifactStore
from models.registry.records import Model, ModelKind, Rollout, RolloutState
from models.registry.registry import Registry
from tests.benchmarks.freshness import Pipeline
from tests.benchmarks.ground import Ground, Log
from tests.benchmarks.harness import AtMost, Measured, judged, null_ratio, percentile
from tests.benchmarks.items import WORDS
from tests.benchmarks.report import Row
from tests.benchmarks.workers import Worker, create_topics, running

ITEMS = 1000
RELEASES = 5
REST_S = 8.0
LIMIT_S = 120.0
LOOK_S = 0.05
RESULTS = 10
P95, P99 = 0.95, 0.99
JSON = {"Content-Type": "application/json"}
BRIEF = {
    "rollout.settle_s": 1,
    "rollout.canary_s": 1.0,
    "rollout.canary_searches": 10,
    "rollout.watch_s": 2.0,
    "rollout.drain_s": 0.5,
}
"""Waits that are minutes in life."""


@dataclass
class Asked:
    """What one client saw."""

    times_ms: list[float] = field(default_factory=list)
    waits_ms: list[float] = field(default_factory=list)
    longest: tuple[float, float] = (0.0, 0.0)
    """The longest wait, and when it ended by the clock on the wall."""
    bad: int = 0

    @property
    def proof(self) -> str:
        return "good answers alone" if self.bad == 0 else f"{self.bad} bad answers"


Seen = tuple[Asked, Asked]
"""While switching, and at rest."""


def switching(ground: Ground) -> list[Row]:
    log = Log(ground)
    create_topics(log.config)
    mill = ground.folder / "mill"
    with running(("curation", "embedding", "search"), log.config, mill, BRIEF) as workers:
        Pipeline(log).publish(ground.count(ITEMS), per_s=1e9)
        client, releases = Client(workers["search"]), Releases(mill, workers["search"])
        client.at_rest()
        null = [(client.at_rest(), client.at_rest()) for _ in range(RELEASES)]
        seen: list[Seen] = []
        for number, version in enumerate(islice(releases.candidates(), 3 if ground.quick else RELEASES)):
            before = client.at_rest() if number % 2 else None
            switch = client.during(partial(releases.release, version))
            seen.append((switch, before or client.at_rest()))
    if client.misnamed:
        raise RuntimeError(f"answers of one generation and arm name several encoders: {client.named}")
    return [
        _p95(seen, null_ratio([(_tail(a, P95), _tail(b, P95)) for a, b in null]), releases.done),
        _longest_wait(seen, null_ratio([(_tail(a, P99), _tail(b, P99)) for a, b in null]), releases.done),
    ]


def _tail(asked: Asked, share: float) -> Measured:
    return Measured(percentile(asked.waits_ms, share))


class Client:
    """Asks one question after the other, none of them twice."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._numbers = count()
        self.named: dict[tuple[int, str], set[str]] = {}
        """Encoders by the generation and the arm that they answered for."""

    def at_rest(self) -> Asked:
        return self.during(lambda: time.sleep(REST_S))

    def during(self, work: Callable[[], None]) -> Asked:
        """What it sees from the beginning of `work` until its end."""
        asked, over = Asked(), Event()
        thread = Thread(target=self._ask, args=(asked, over))
        thread.start()
        try:
            work()
        finally:
            over.set()
            thread.join()
        return asked

    def _ask(self, asked: Asked, over: Event) -> None:
        connection = HTTPConnection("127.0.0.1", self._worker.api_port, timeout=30)
        good_at = time.perf_counter()
        while not over.is_set():
            words = f"{WORDS[len(asked.times_ms) % len(WORDS)]} {next(self._numbers)}"
            started = time.perf_counter()
            connection.request("POST", PATH, json.dumps({"query": {"text": words}, "k": RESULTS}), JSON)
            response = connection.getresponse()
            answer, now = json.loads(response.read()), time.perf_counter()
            asked.times_ms.append((now - started) * 1000)
            if response.status != HTTPStatus.OK or not answer["results"]:
                asked.bad += 1
                continue
            asked.waits_ms.append((now - good_at) * 1000)
            asked.longest = max(asked.longest, (asked.waits_ms[-1], time.time()))
            good_at = now
            self.named.setdefault((answer["generation"], answer["arm"]), set()).add(answer["model_version"])
        connection.close()

    @property
    def misnamed(self) -> int:
        """Generations and arms for which more than one encoder answered."""
        return sum(len(versions) > 1 for versions in self.named.values())


class Releases:
    """Makes models and has them released, as people do: in the registry and over the API."""

    def __init__(self, mill: Path, worker: Worker) -> None:
        self._folder = mill / "made"
        self._worker = worker
        self._registry = Registry(open_engine(MetadataConfig().resolved(mill)))
        self._artifacts = ArtifactStore.open(mill / "artifacts")
        self._texts = text_tower(EncoderConfig())
        self.done: list[Rollout] = []

    def candidates(self) -> Iterator[str]:
        """Models whose picture weights are their own."""
        for seed in count(1_000):
            tower = ImageTower.seeded(self._texts.dim, EncoderConfig(image_seed=seed))
            encoder = MillraceMini(self._texts, tower)
            artifacts = tuple(map(self._artifacts.put_file, save_released(encoder, self._folder / encoder.version)))
            self._registry.models.register(
                Model(encoder.version, ModelKind.ENCODER, encoder.version, artifacts=artifacts)
            )
            yield encoder.version

    def release(self, version: str) -> None:
        """Returns once it serves and the rollout is over. Raises TimeoutError."""
        connection = HTTPConnection("127.0.0.1", self._worker.api_port, timeout=30)
        body = json.dumps({"force": True, "canary_share": 0.2})
        connection.request("POST", f"/v1/models/{version}/promote", body, JSON)
        response = connection.getresponse()
        begun = json.loads(response.read())
        connection.close()
        if response.status != HTTPStatus.ACCEPTED:
            raise RuntimeError(f"{version} was not promoted: {begun}")
        deadline = time.monotonic() + LIMIT_S
        while not (rollout := self._rollout(begun["rollout_id"])).state.ended:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the release of {version} is {rollout.state} after {LIMIT_S:g} s")
            time.sleep(LOOK_S)
        if rollout.state is not RolloutState.DONE:
            raise RuntimeError(f"{version} was not released: {rollout.reason}")
        self.done.append(rollout)

    def _rollout(self, rollout_id: str) -> Rollout:
        rollout = self._registry.rollouts.get(rollout_id)
        if rollout is None:
            raise RuntimeError(f"there is no rollout {rollout_id}")
        return rollout


def _p95(seen: Sequence[Seen], null: float, done: Sequence[Rollout]) -> Row:
    def cost(asked: Asked) -> Measured:
        return Measured(percentile(asked.times_ms, P95), asked.proof)

    compared = judged([(cost(switch), cost(rest)) for switch, rest in seen], null, AtMost(3.0))
    notes = {
        "searches while switching, at rest": f"{_searches(seen, 0)}, {_searches(seen, 1)}",
        "bad answers": sum(asked.bad for pair in seen for asked in pair),
        "seconds by step": {name: median(one.steps[name] for one in done) for name in done[0].steps},
    }
    return Row("search while a model takes over", "search at rest", "ms, P95", compared, notes)


def _longest_wait(seen: Sequence[Seen], null: float, done: Sequence[Rollout]) -> Row:
    pairs = [
        (Measured(max(switch.waits_ms), switch.proof), Measured(percentile(rest.waits_ms, P99), rest.proof))
        for switch, rest in seen
    ]
    fell_in = [f"{switch.longest[0]:.0f} in {_step(one, switch)}" for (switch, _), one in zip(seen, done, strict=True)]
    notes = {
        "longest at rest, ms": median(max(rest.waits_ms) for _, rest in seen),
        "longest of each release, ms": ", ".join(fell_in),
    }
    compared = judged(pairs, null, AtMost(2.0))
    return Row("longest wait for a good answer while a model takes over", "P99 at rest", "ms", compared, notes)


def _step(rollout: Rollout, asked: Asked) -> str:
    """Where the release was when the longest wait ended."""
    ended_s, at_s = asked.longest[1], rollout.began_at_ms / 1000
    for step, seconds in rollout.steps.items():
        at_s += seconds
        if ended_s <= at_s:
            return step
    return "the end"


def _searches(seen: Sequence[Seen], side: int) -> int:
    return sum(len(pair[side].times_ms) for pair in seen)
