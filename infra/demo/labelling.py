"""The demo's humans: simulated annotators label on the real Label Studio while the loop chooses what they see.

Their answers come from the true labels, with a stated error rate. Nothing here hands labels to the loop: they go in by
Label Studio's own API and come back by the bridge.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from annotation.label_studio.client.label_studio import LabelStudio
from annotation.tasks import TaskConfig
from infra.cli.where import label_studio_url
from infra.demo.annotators import Crew, Done, work_through
from infra.demo.inputs import FIRST_DIGITS, LATER_DIGITS, Planted, planted_in, write_to_label
from infra.demo.report import Labels, Saved
from infra.settings import Settings
from infra.wiring.secrets import embedded_token
from streams.errors import MillraceError, Unavailable

ANSWERS = 120
"""After so many answers of a shift the annotators go home."""
CREW = Crew(users=3, error_rate=0.05, most_answers=ANSWERS // 3, limit_s=300.0, patience_s=90.0)
PROJECT_S = 90.0
POLL_S = 0.5

TASK = {
    "name": "digit",
    "labels": ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"],
    "modalities": ["image"],
    "sources": ["digits-to-label"],
    "question": "Which digit is it?",
    "prompt": "a photo of the handwritten digit {label}",
    "second_opinions": 0.2,
}
SELECTION: Mapping[str, object] = {"random_share": 0.4, "batch": 15, "open_limit": 30, "min_pool": 300, "settle_s": 2}
"""A larger random arm than in life, as it must show something after some minutes."""

PACE = ("label_studio.poll_s=0.5", "label_studio.export_s=0.3", "signals.window_s=2", "signals.grace_s=1")
WHEEL = (
    'snapshots.sources=["digits-to-label"]',  # the other digits have captions that give the answer away
    "triggers.window_s=2",
    'triggers.overrides={"steps": 100}',
    "triggers.labels=80",
    "triggers.labels_share=0",
    "triggers.cool_down_s=10",
    "gate.min_items=20",
    "gate.min_slice_items=20",
    "gate.margin=0.15",
    "gate.slice_margin=0.15",
    "rollout.canary_s=5",
    "rollout.canary_share=0.3",
    "rollout.canary_searches=20",
    "rollout.holdback_share=0.3",
    "rollout.watch_s=30",
    'rollout.guardrails={"click_wait_s": 2, "slow_at_least_ms": 500}',
)
"""Everything sooner and smaller than in life: two turns of the wheel in minutes, on some hundred labels."""


def assignments() -> list[str]:
    """Settings under which the demo runs, as the command line takes them."""
    chosen = [f"selection.{name}={value}" for name, value in SELECTION.items()]
    return [f"labelling.tasks={json.dumps([TASK])}", *chosen, *PACE, *WHEEL]


@dataclass
class Shift:
    """The annotators' work, in the background. `finish` waits for its end."""

    settings: Settings
    truth: Callable[[str], str | None]

    def __post_init__(self) -> None:
        self._done: Done | None = None
        self._failure: MillraceError | None = None
        self.seconds = 0.0
        """From the first request to the last answer."""
        self._thread = threading.Thread(target=self._work, name="annotators", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def finish(self) -> Done:
        """What they did. Raises what stopped them."""
        self._thread.join(PROJECT_S + CREW.limit_s + CREW.patience_s)
        if self._failure is not None:
            raise self._failure
        if self._done is None:
            raise Unavailable("the simulated annotators did not finish in time")
        return self._done

    def _work(self) -> None:
        try:
            token = embedded_token(self.settings.data_dir).get_secret_value()
            with LabelStudio(label_studio_url(self.settings), token, self.settings.label_studio.timeout_s) as studio:
                project, began = self._project(studio), time.monotonic()
                self._done = work_through(studio, project, self._task, self.truth, CREW)
                self.seconds = time.monotonic() - began
        except MillraceError as error:
            self._failure = error

    @property
    def _task(self) -> TaskConfig:
        return self.settings.labelling.tasks[0]

    def _project(self, studio: LabelStudio) -> int:
        """The bridge makes it when it has something to ask."""
        title = self.settings.label_studio.title.format(task=self._task.name)
        deadline = time.monotonic() + PROJECT_S
        while (project := studio.find_project(title)) is None:
            if time.monotonic() > deadline:
                raise Unavailable(f"the bridge made no project {title} within {PROJECT_S:.0f} s")
            time.sleep(POLL_S)
        return project.id


@dataclass
class Work:
    """What annotators are asked in two shifts, each about digits of its own."""

    settings: Settings
    folder: Path

    def __post_init__(self) -> None:
        self._folders = {self.folder / "to-label": FIRST_DIGITS, self.folder / "to-label-later": LATER_DIGITS}
        self._waiting = list(self._folders)
        self._shift: Shift | None = None
        self.truth: dict[str, str] = {}
        for folder, digits in self._folders.items():
            self.truth |= write_to_label(folder, digits)
        self.done = Done()
        self.seconds = 0.0

    def planted(self) -> list[Planted]:
        """All pictures, each to be indexed."""
        return [planted for folder in self._folders for planted in planted_in(folder)]

    def next_folder(self) -> Path:
        """What is published next."""
        return self._waiting.pop(0)

    def begin_shift(self) -> None:
        self._shift = Shift(self.settings, self.truth.get)
        self._shift.start()

    def end_shift(self) -> None:
        """Waits for the annotators. Raises what stopped them."""
        if self._shift is not None:
            self.done += self._shift.finish()
            self.seconds += self._shift.seconds
            self._shift = None


def counted(sql: Callable[[str], list[list[Any]]], report: bytes, done: Done, truth: Mapping[str, str]) -> Labels:
    """What came of the annotators' work: by the record in ClickHouse, `labels report --json` and the truth."""
    [told] = json.loads(report)
    newest = "SELECT item_id, argMax(arm, revision), argMax(labels, revision)"
    rows = sql(f"{newest} FROM label_settled GROUP BY item_id")
    right = [labels == [truth[item_id]] for item_id, _, labels in rows]
    return Labels(
        asked=sql("SELECT uniqExact(item_id) FROM annotation_requested")[0][0],
        answered=sql("SELECT uniqExact(annotation_key) FROM annotation_completed")[0][0],
        given=done.answered,
        settled=len(rows),
        by_arm=dict(Counter(arm for _, arm, _ in rows)),
        agreement=told["agreement"],
        error_rate=CREW.error_rate,
        accuracy=round(fmean(right), 3) if right else None,
    )


def saved_of(answer: bytes) -> Saved:
    """The demo's task in the answer of `millrace labels saved --json`."""
    told: dict[str, Any] = next(iter(json.loads(answer)), {})
    return Saved(
        verdict=told.get("verdict", "not drawn up yet"),
        share=told.get("share"),
        low=told.get("low"),
        high=told.get("high"),
        n=told.get("labels_random", 0),
    )
