"""Runs the demo: starts everything, publishes, waits, searches, withdraws, counts, stops. A thin shell."""

import json
import platform
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from infra.cli.sql import ask_process
from infra.cli.where import api_url, reachable_kafka, recording_url
from infra.demo import inputs
from infra.demo.labelling import CREW, Work, counted, saved_of
from infra.demo.report import Expected, Freshness, Labels, Report, SearchOutcome, Seconds, WheelTurned, expected_of
from infra.demo.wheel.traffic import Traffic
from infra.demo.wheel.turns import turned
from infra.installation import own_command
from infra.placement import STAGES
from infra.settings import Settings
from schemas.items import ItemPublished
from streams.codec import Encoded, encode
from streams.errors import BadRecord, MillraceError, Unavailable
from streams.topics import (
    ANNOTATIONS_COMPLETED,
    ANNOTATIONS_REQUESTED,
    CURATED,
    EMBEDDED,
    LABELS,
    LOOP,
    RAW,
    SCORED,
    Topic,
    dead_letter_topic,
    group_of,
    parked_topic,
)

INGEST: Mapping[str, tuple[Topic, ...]] = {"curation": (RAW,), "embedding": (CURATED,), "indexing": (EMBEDDED,)}
"""In the order in which the input passes: when one has nothing left to do, the next one's input is complete."""
EVERYTHING: Mapping[str, tuple[Topic, ...]] = {
    **INGEST,
    "scoring": (EMBEDDED, LABELS),
    "selection": (SCORED, ANNOTATIONS_COMPLETED, LABELS, EMBEDDED),
    "bridge": (ANNOTATIONS_REQUESTED, EMBEDDED),
    "consensus": (ANNOTATIONS_COMPLETED, EMBEDDED),
    "recording": LOOP,
}

SETTLE_S = 120.0
"""Longest wait for a stage that gets nowhere."""
COMMAND_S = 900.0
"""Longest time for one command."""
POLL_S = 0.5
SEARCH_DEPTH = 10
HUGE_BYTES = 20 * 2**20

Say = Callable[[str], None]


class Seen(NamedTuple):
    """What a person saw of the spine."""

    searches: list[SearchOutcome]
    withdrawn_item_found: bool
    republished: int


@dataclass
class Demo:
    """One run in a fresh folder. `say` tells the person who watches."""

    settings: Settings
    folder: Path
    say: Say
    seconds: dict[str, float] = field(default_factory=dict)

    def run(self, keep: bool) -> tuple[Report, Expected]:
        """The report and what it had to be. Everything that was started has ended, unless `keep`."""
        began = time.monotonic()
        items, trouble = self.folder / "items", self.folder / "trouble"
        work = Work(self.settings, self.folder)
        planted = [*inputs.write_items(items), *inputs.write_trouble(trouble, items), *work.planted()]
        with self._running(keep):
            self.seconds["start"] = time.monotonic() - began
            traffic = Traffic(lambda: api_url(self.settings), work.truth)
            traffic.start()
            self._begin_labelling(work)
            republished = self._ingest(items, trouble)
            searches = [self._outcome(query) for query in inputs.QUERIES]
            seen = Seen(searches, self._withdraw(), republished)
            wheel = self._turn_the_wheel(traffic, work)
            labels = self._finish_labelling(work)
            report = self._report(seen, labels, wheel, began)
        return report, expected_of(planted, dead_records=2, parked_records=1)

    @contextmanager
    def _running(self, keep: bool) -> Iterator[None]:
        self.say("starting the broker and all processes")
        try:
            self._run("up", "--detach")
            yield
        except BaseException:
            keep = False
            raise
        finally:
            if not keep:
                self.say("stopping everything")
                self._run("down")

    def _begin_labelling(self, work: Work) -> None:
        folder = work.next_folder()
        self.say(f"publishing the digits in {folder.name} for annotators")
        self._publish(folder)
        work.begin_shift()
        self.say(f"{CREW.users} simulated annotators wait in Label Studio; they err at {CREW.error_rate:.0%}")

    def _turn_the_wheel(self, traffic: Traffic, work: Work) -> WheelTurned:
        began = time.monotonic()

        def between() -> None:
            work.end_shift()
            self._begin_labelling(work)

        settings = self.settings.model_copy(update={"kafka": reachable_kafka(self.settings)})
        wheel = turned(settings, self.folder, self.say, self._run, traffic, between)
        self.seconds["wheel"] = time.monotonic() - began
        return wheel

    def _finish_labelling(self, work: Work) -> Labels:
        self.say("the annotators finish")
        work.end_shift()
        self.seconds["labelling"] = work.seconds
        self._settled(EVERYTHING)
        report = self._run("labels", "report", "--json", stdout=subprocess.PIPE)
        return counted(self._sql, report, work.done, work.truth)

    def _ingest(self, items: Path, trouble: Path) -> int:
        """Publishes everything and waits until it is worked off; how many items a second publishing sent."""
        began = time.monotonic()
        self.say("publishing pictures, texts, a sound and a video")
        self._publish(items)
        self._settled()
        self.say("publishing trouble: copies, broken files, a bomb, records that are no events")
        self._publish(trouble)
        self._write_broken_records()
        self._settled()
        self.seconds["ingest"] = time.monotonic() - began
        self.say("publishing the same folder again, which must send nothing")
        return self._publish(items)

    def _publish(self, folder: Path) -> int:
        return int(json.loads(self._run("publish", str(folder), "--json", stdout=subprocess.PIPE))["published"])

    def _run(self, *words: str, stdout: int | None = None) -> bytes:
        """What the command prints, if that is piped. Raises MillraceError if it fails; it has said why itself."""
        try:
            done = subprocess.run(own_command(*words), timeout=COMMAND_S, stdout=stdout, check=True)
        except subprocess.SubprocessError as error:
            hint = f"see above, and the logs in {self.folder}/logs"
            raise MillraceError(f"`millrace {words[0]}` did not work; {hint}") from error
        return done.stdout or b""

    def _write_broken_records(self) -> None:
        """What a careless producer may write: NaN, no JSON at all, a future major version, and 20 MB at once."""
        from streams.kafka.producer import KafkaProducer

        kafka = reachable_kafka(self.settings)
        topic, producer = RAW.full_name(kafka.prefix), KafkaProducer(kafka)
        sound = encode(ItemPublished(item_id="careless", text="words"), "demo")
        newer = tuple((k, v.replace(b".v1", b".v7") if k == "ce_type" else v) for k, v in sound.headers)
        producer.send(topic, Encoded(sound.key, b'{"item_id": "careless", "text": "x", "score": NaN}', sound.headers))
        producer.send(topic, Encoded(sound.key, b"\xff\xfe no JSON", sound.headers))
        producer.send(topic, Encoded(sound.key, sound.value, newer))
        try:
            producer.send(topic, Encoded(sound.key, b"z" * HUGE_BYTES, sound.headers))
        except BadRecord as refusal:
            self.say(f"a record of 20 MB is refused at once: {refusal}")
        else:
            raise MillraceError("a record of 20 MB was taken")
        producer.flush(30.0)
        producer.close()

    def _settled(self, reads: Mapping[str, tuple[Topic, ...]] = INGEST) -> None:
        """Waits until stages have finished what there is."""
        from streams.kafka.topic_admin import TopicAdmin

        kafka = reachable_kafka(self.settings)
        admin = TopicAdmin(kafka)
        for stage, topics in reads.items():
            names, told, deadline = [topic.full_name(kafka.prefix) for topic in topics], 0, time.monotonic() + SETTLE_S
            while lag := admin.lag(group_of(kafka.prefix, stage), names):
                if time.monotonic() > deadline:
                    raise Unavailable(f"{stage} still has {lag} records to do; see the logs in {self.folder}/logs")
                if lag != told:
                    self.say(f"{stage} has {lag} records to do")
                    told, deadline = lag, time.monotonic() + SETTLE_S
                time.sleep(POLL_S)

    def _search(self, words: str) -> list[str]:
        body = {"query": {"text": words}, "k": SEARCH_DEPTH}
        url = f"{api_url(self.settings)}/v1/retrieval/search"
        answer = self._asked("POST", url, json=body).json()
        found = [result["id"] for result in answer["results"]]
        if found:
            self._click(answer["impression_id"], found[0])
        return found

    def _click(self, impression: str, item_id: str) -> None:
        feedback = {"impression_id": impression, "kind": "click", "item_id": item_id, "consent": True}
        self._asked("POST", f"{api_url(self.settings)}/v1/feedback", json=feedback)

    def _asked(self, method: str, url: str, **how: Any) -> httpx.Response:
        try:
            return httpx.request(method, url, timeout=30.0, trust_env=False, **how).raise_for_status()
        except httpx.HTTPError as error:
            raise Unavailable(f"{method} {url}: {error}; see the logs in {self.folder}/logs") from error

    def _outcome(self, query: inputs.Query) -> SearchOutcome:
        found = self._search(query.words)
        rank = found.index(query.expected) + 1 if query.expected in found else None
        return SearchOutcome(query=query.words, expected=query.expected, rank=rank)

    def _withdraw(self) -> bool:
        """Withdraws an item that was found; whether it is found still."""
        if inputs.WITHDRAWN not in self._search(inputs.WITHDRAWN_WORDS):
            raise MillraceError(f"{inputs.WITHDRAWN} was not found before its withdrawal")
        self.say(f"withdrawing {inputs.WITHDRAWN}")
        url = f"{api_url(self.settings)}/v1/items/{inputs.WITHDRAWN}"
        self._asked("DELETE", url, headers={"Idempotency-Key": "demo"})
        self._settled()
        return inputs.WITHDRAWN in self._search(inputs.WITHDRAWN_WORDS)

    def _report(self, seen: Seen, labels: Labels, wheel: WheelTurned, began: float) -> Report:
        p50, p95 = self._sql("SELECT quantile(0.5)(freshness_s), quantile(0.95)(freshness_s) FROM freshness")[0]
        return Report(
            versions=self._versions(),
            published=self._published(),
            curated=self._count("item_curated"),
            rejected={
                reason: int(count) for reason, count in self._sql("SELECT reason, rejections FROM rejections_by_reason")
            },
            dead_letters=self._letters(dead_letter_topic),
            parked=self._letters(parked_topic),
            indexed=self._count("item_indexed WHERE parts > 0"),
            withdrawn=self._count("item_withdrawn WHERE mode = 'delete'"),
            **seen._asdict(),
            freshness_s=Freshness(p50=round(p50, 3), p95=round(p95, 3)),
            labels=labels,
            labels_saved=saved_of(self._run("labels", "saved", "--json", stdout=subprocess.PIPE)),
            signals=self._count("item_signal_measured"),
            **dict(wheel),
            seconds=self._seconds(began),
        )

    def _seconds(self, began: float) -> Seconds:
        set_up = self.seconds.get("set_up", 0.0)
        named = ("start", "ingest", "labelling", "wheel")
        found = {"set_up": set_up, **{name: self.seconds[name] for name in named}}
        found["total"] = set_up + time.monotonic() - began
        return Seconds(**{name: round(seconds, 1) for name, seconds in found.items()})

    def _published(self) -> dict[str, int]:
        rows = self._sql("SELECT modality, uniqExact(item_id) FROM item_published GROUP BY modality")
        return {modality: int(count) for modality, count in rows}

    def _count(self, table: str) -> int:
        return int(self._sql(f"SELECT uniqExact(item_id) FROM {table}")[0][0])

    def _sql(self, statement: str) -> list[list[Any]]:
        rows: list[list[Any]] = ask_process(recording_url(self.settings), statement, 1000, 60.0)["rows"]
        return rows

    def _letters(self, topic_of: Callable[[str, str], str]) -> int:
        from streams.kafka.letter_box import LetterBox

        kafka = reachable_kafka(self.settings)
        return sum(len(LetterBox(kafka, topic_of(kafka.prefix, stage)).letters()) for stage in STAGES)

    def _versions(self) -> dict[str, str]:
        answer = self._asked("GET", f"{api_url(self.settings)}/v1/models")
        packages = ("millrace", "confluent-kafka", "qdrant-edge-py", "chdb", "torch")
        return {
            "python": platform.python_version(),
            "model": answer.headers.get("X-Model-Version", ""),
            **{package: version(package) for package in packages},
        }


def fresh_folder(folder: Path) -> Path:
    """An empty folder for the run; what an earlier demo left there is removed."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
