"""Time until a worker is ready, against the import of the heaviest library that it needs and nothing else.

Both are fresh processes with warm files. Ready means what `/readyz` says: the stages have their partitions.
"""

import subprocess
import sys
import time
from functools import partial
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median

from tests.benchmarks.ground import Ground, Log
from tests.benchmarks.harness import AtMost, Measured, Side, interleaved, is_quiet, judged, null_ratio
from tests.benchmarks.report import Row
from tests.benchmarks.workers import Worker, create_topics

HEAVIEST = {"search": "torch", "embedding": "torch", "recording": "chdb", "curation": "sqlalchemy"}


def start_up(ground: Ground) -> list[Row]:
    """A row for each process; the noise is judged once, by imports of chdb."""
    log = Log(ground)
    create_topics(log.config)
    light: Side = partial(_import, "chdb", [])
    light()
    for _ in range(2):
        null = null_ratio(interleaved(light, light, ground.pairs))
        if is_quiet(null):
            break
    return [_row(ground, log, process, module, null) for process, module in HEAVIEST.items()]


def _row(ground: Ground, log: Log, process: str, module: str, null: float) -> Row:
    cpu_ours: list[float] = []
    cpu_peer: list[float] = []
    ours: Side = partial(_start, ground, log, process, cpu_ours)
    peer: Side = partial(_import, module, cpu_peer)
    ours()
    peer()
    compared = judged(interleaved(ours, peer, ground.pairs), null, AtMost(1.3))
    notes = {"by CPU time": median(cpu_ours) / median(cpu_peer), "CPU s": median(cpu_ours)}
    return Row(f"start of {process}", f"import {module}", "s", compared, notes)


def _start(ground: Ground, log: Log, process: str, cpu: list[float]) -> Measured:
    started = time.perf_counter()
    worker = Worker(process, log.config, ground.folder / process, {})
    try:
        worker.wait_ready()
        took_s = time.perf_counter() - started
        cpu.append(worker.cpu_s)
    finally:
        worker.stop()
    return Measured(took_s)


def _import(module: str, cpu: list[float]) -> Measured:
    before, started = getrusage(RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {module}"], check=True)
    took_s, after = time.perf_counter() - started, getrusage(RUSAGE_CHILDREN)
    cpu.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return Measured(took_s)
