"""`python -m tests.evaluations.loop`: labels, training and quality turn by turn on real data; a table and JSON.

Seeds are the outer loop. Each run is a file of its own, written when it ends. So an evaluation that was stopped goes
on, and several may share the work by their `--sets`.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from threadpoolctl import threadpool_limits

from streams.media.store import MediaStore
from tests.evaluations.loop.choosing import ARMS
from tests.evaluations.loop.encoders import Towers
from tests.evaluations.loop.figures import Figures, tables
from tests.evaluations.loop.sets import SETS, LoopSet
from tests.evaluations.loop.turns import Loop, plan_of
from tests.evaluations.report import machine

FIRST_SEED = 100
"""Settings were tried on seeds from 0."""
BESIDE_THE_REPOSITORY = Path(__file__).resolve().parents[4] / "shared" / "data"


def evaluate(sets: Sequence[LoopSet], media: MediaStore, towers: Towers, seeds: Sequence[int], runs: Path) -> None:
    """All runs that are not there yet."""
    for seed in seeds:
        for data in sets:
            for arm in ARMS:
                began, file = time.monotonic(), run_file(runs, data.name, seed, arm)
                if known(file, data):
                    continue
                turns = list(Loop(data, media, towers, seed, arm).through())
                write(file, {"set": data.name, "seed": seed, "arm": arm, "plan": plan_of(data), "turns": turns})
                say(f"{data.name}, seed {seed}, {arm}: {time.monotonic() - began:.0f} s")


def run_file(runs: Path, name: str, seed: int, arm: str) -> Path:
    return runs / f"{name}-{seed}-{arm}.json"


def known(file: Path, data: LoopSet) -> bool:
    """Whether this run was made already, by the same plan."""
    return file.is_file() and json.loads(file.read_text())["plan"] == plan_of(data)


def write(file: Path, content: object) -> None:
    """Whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_suffix(".part")
    beside.write_text(json.dumps(content))
    beside.replace(file)


def say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.evaluations.loop", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="paired seeds")
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED, help="explore with 0, never with the default")
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--data", type=Path, default=BESIDE_THE_REPOSITORY, help="folder of the real data")
    parser.add_argument("--out", type=Path, default=Path(".millrace/eval/loop"), help="where figures go")
    parser.add_argument("--tables-only", action="store_true", help="run nothing, show what is there")
    given = parser.parse_args(words)
    if not given.data.is_dir():
        parser.error(f"no real data at {given.data}; name the folder with --data")
    return given


def main() -> None:
    """The whole evaluation on one thread."""
    given = arguments()
    torch.set_num_threads(1)
    media = MediaStore.open(given.out / "media")
    seeds = range(given.first_seed, given.first_seed + given.seeds)
    if not given.tables_only:
        sets = [SETS[name](given.data, media) for name in given.sets]
        with threadpool_limits(limits=1):
            evaluate(sets, media, Towers(), seeds, given.out / "runs")
    files = [run_file(given.out / "runs", name, seed, arm) for name in given.sets for seed in seeds for arm in ARMS]
    figures = Figures([json.loads(file.read_text()) for file in files if file.is_file()])
    write(given.out / "loop.json", machine() | {"figures": figures.as_json(), "runs": figures.runs})
    (given.out / "loop.md").write_text(tables(figures))
    say(tables(figures))


if __name__ == "__main__":
    main()
