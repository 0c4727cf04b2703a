"""`python -m tests.benchmarks [NAME…] [--json FILE] [--quick]`: runs benchmarks, prints one table, writes JSON."""

import argparse
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

from infra.broker.broker import Broker
from infra.broker.config import BrokerConfig
from infra.broker.jars import KafkaJars
from infra.supervisor.ports import free_port
from tests.benchmarks.catalogue import NAMES, run_one
from tests.benchmarks.ground import Ground
from tests.benchmarks.report import Row, machine, table, write_json


def run_all(names: list[str], bootstrap: str, folder: Path, quick: bool) -> tuple[list[Row], dict[str, str]]:
    """The rows of those that ran, and what went wrong with the others."""
    rows: list[Row] = []
    failures: dict[str, str] = {}
    for name in names:
        own = folder / name
        own.mkdir()
        started = time.monotonic()
        found = in_a_process(name, Ground(bootstrap, own, quick))
        if isinstance(found, str):
            failures[name] = found
        else:
            rows += found
        say(f"{name}: {failures.get(name, 'done')} ({time.monotonic() - started:.0f} s)")
    return rows, failures


def in_a_process(name: str, ground: Ground) -> list[Row] | str:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            return pool.submit(run_one, name, ground).result()
        except BrokenProcessPool as error:
            return f"its process died: {error}"


def say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(NAMES)}; all of them if none")
    parser.add_argument("--json", type=Path, default=Path(".millrace/bench.json"), help="where the figures go")
    parser.add_argument("--quick", action="store_true", help="little work, few pairs: only shows that it runs")
    given = parser.parse_args()
    if unknown := set(given.names) - set(NAMES):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    return given


def main() -> int:
    given = arguments()
    jars = KafkaJars.locked().ensure(BrokerConfig().jars_dir)
    with tempfile.TemporaryDirectory(prefix="millrace-bench-") as folder:
        broker = Broker(jars, Path(folder) / "kafka", free_port(), free_port())
        broker.start()
        try:
            broker.wait_ready()
            rows, failures = run_all(given.names or list(NAMES), broker.bootstrap, Path(folder), given.quick)
        finally:
            broker.stop()
    say("\n" + table(rows))
    say(f"\n{machine()}")
    write_json(given.json, rows, failures)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
