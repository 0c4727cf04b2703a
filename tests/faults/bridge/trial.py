"""A run: requests flow, people answer, the bridge dies at its fuses, and in the end everything is compared."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

from annotation.label_studio.client.label_studio import LabelStudio
from annotation.label_studio.client.rows import TaskRow
from annotation.label_studio.tables import metadata
from annotation.tasks import TaskConfig
from infra.supervisor.tether import tethered
from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from schemas.annotations import AnnotationRequested, Arm
from schemas.items import ItemWithdrawn, Modality
from streams.codec import encode
from streams.topics import ANNOTATIONS_COMPLETED
from tests.faults.bridge.file_log import append, read
from tests.faults.bridge.judge import twins, verdict
from tests.faults.bridge.people import People
from tests.faults.bridge.points import Point, Sabotage
from tests.faults.bridge.worker import PREFIX, REQUESTED, WITHDRAWN

ROOT = Path(__file__).resolve().parents[3]
COMPLETED = ANNOTATIONS_COMPLETED.full_name(PREFIX)
LIFE_S = 12.0
"""A life that does not meet its fuse in this time is ended from outside."""
NAP_S = 0.05
STAYS_WELL_S = 5.0
"""Longer than a sweep."""
OFTEN = (Point.MID_KNOWN, Point.AFTER_KNOWN, Point.BEFORE_PUBLISH, Point.AFTER_PUBLISH)
"""Points that a life passes more than once."""


@dataclass
class Trial:
    """`lives` are the fuses, one a life; each life gets new requests."""

    studio: LabelStudio
    token: str
    folder: Path
    sabotage: Sabotage | None = None
    kills: Counter[str] = field(default_factory=Counter)
    items: list[str] = field(default_factory=list)
    withdrawn: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.task = TaskConfig(name=f"f-{uuid4().hex[:12]}", labels=("good", "bad"), modalities=(Modality.TEXT,))
        (self.folder / "task.json").write_text(self.task.model_dump_json())
        metadata.create_all(open_engine(MetadataConfig(url=f"sqlite:///{self.folder / 'bridge.db'}")))
        self.people = People(self.studio, self.task)

    def __enter__(self) -> "Trial":
        command = tethered([sys.executable, "-m", "tests.faults.bridge.worker", str(self.folder)])
        env = {name: value for name, value in os.environ.items() if not name.startswith(("MILLRACE__", "COV"))}
        self._worker = subprocess.Popen(
            command, cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._heard()
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.kill()  # its child dies with it
        self._worker.wait(10)

    def ask(self, count: int) -> None:
        """New requests, and now and then a withdrawal of an older item."""
        fresh = [f"item-{len(self.items) + n}" for n in range(count)]
        append(self.folder, REQUESTED, [encode(self._request(item), "test") for item in fresh])
        self.items += fresh
        for item in fresh:
            self.people.expect(item)

    def withdraw(self, item: str) -> None:
        fact = ItemWithdrawn(item_id=item, version=1)
        self.withdrawn.add(item)
        self.people.forget(item)
        append(self.folder, WITHDRAWN, [encode(fact, "test")])

    def live(self, point: Point | None, count: int = 1) -> None:
        """One life, until it dies at its fuse or its time is over."""
        child = self._born(point, count)
        deadline = time.monotonic() + LIFE_S
        while self._alive(child) and time.monotonic() < deadline:
            self.people.work()
            time.sleep(NAP_S)
        if met := not self._alive(child):
            self.kills[str(point)] += 1
        else:
            os.kill(child, signal.SIGKILL)
            self.kills["time"] += 1
        status = self._heard()["status"]
        assert status == -signal.SIGKILL, f"ended with {status}, {met=}: {self.last_words()}"

    def finish(self, patience_s: float) -> list[str]:
        """One more life, undisturbed, until all is well and stays so, or patience ends; what is wrong then."""
        child = self._born(None, 1)
        deadline = time.monotonic() + patience_s
        well_since, wrong = float("inf"), ["not begun"]
        while time.monotonic() < min(deadline, well_since + STAYS_WELL_S):
            self.people.work()
            wrong = [f"{item} was never answered" for item in self.people.waiting] or self.wrong()
            well_since = float("inf") if wrong else min(well_since, time.monotonic())
            time.sleep(4 * NAP_S)
        assert self._alive(child), self.last_words()
        os.kill(child, signal.SIGKILL)
        self._heard()
        return wrong

    def wrong(self) -> list[str]:
        return [*verdict(self.people.labels(), read(self.folder, COMPLETED)), *self.tasks()]

    def tasks(self) -> list[str]:
        project = self.studio.find_project(f"millrace/{self.task.name}")
        if project is None:
            return ["there is no project"]
        rows: list[TaskRow] = []
        last = 0
        while page := self.studio.tasks_by_keyset(project.id, last, annotated=False, page_size=500):
            rows, last = rows + page, page[-1].id
        return twins(set(self.items) - self.withdrawn, [str(row.item_id) for row in rows])

    def last_words(self) -> str:
        return (self.folder / "bridge.log").read_text()[-4000:]

    def _born(self, point: Point | None, count: int) -> int:
        order = {"point": point, "count": count, "sabotage": self.sabotage}
        assert self._worker.stdin is not None
        self._worker.stdin.write(json.dumps({**order, "url": self.studio.url, "token": self.token}) + "\n")
        self._worker.stdin.flush()
        return int(self._heard()["child"])

    def _heard(self) -> dict[str, Any]:
        assert self._worker.stdout is not None
        line = self._worker.stdout.readline()
        assert line, f"the worker ended: {self.last_words()}"
        return dict(json.loads(line))

    def _alive(self, child: int) -> bool:
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return False
        return True

    def _request(self, item: str) -> AnnotationRequested:
        return AnnotationRequested(
            event_id=uuid5(NAMESPACE_URL, f"{self.task.name}/{item}"),
            item_id=item,
            version=1,
            task=self.task.name,
            arm=Arm.ACTIVE,
            strategy="margin",
            acquisition=0.5,
            model_version="m1",
            modality=Modality.TEXT,
            text=f"text of {item}",
        )


def run(trial: Trial, points: Sequence[Point], requests_a_life: int = 3) -> None:
    """A life for each point, with new requests in each and a withdrawal in every second."""
    for number, point in enumerate(points):
        trial.ask(requests_a_life)
        removing = point in (Point.BEFORE_REMOVE, Point.AFTER_REMOVE)
        old = [item for item in trial.items[: -2 * requests_a_life] if item not in trial.withdrawn]
        if old and (removing or number % 4 == 3):
            trial.withdraw(old[-1])
        trial.live(point, 1 + number // len(Point) % 2 * (point in OFTEN))
