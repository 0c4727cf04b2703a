"""Ranks without the wait: a process that has imported everything forks them on request.

A start through DeepSpeed's launcher takes many times as long as a tiny lesson, nearly all of it imports. What the ranks
do is the same. Run as a module it takes requests, one JSON object a line, and answers with exit codes.
"""

import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, Self

from tests.integration.trainers.loop import tiny
from trainers.loop.config import TrainingConfig
from trainers.loop.launcher import environment, free_port

MODULE = "tests.integration.trainers.loop.nursery"
LIMIT_S = 60.0
IMPORTED_BEFORE = (
    "deepspeed.runtime.zero.stage3",
    "deepspeed.runtime.zero.stage_1_and_2",
    "deepspeed.module_inject.auto_ep_layer",
    "torch._dynamo",
    "trainers.loop.rank",
)


class Nursery:
    """Used as a context manager, by the tests' process."""

    def __init__(self, log: Path) -> None:
        self._log = log

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            ["env", *environment(TrainingConfig(accelerator="cpu")), sys.executable, "-m", MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log.open("ab"),
            start_new_session=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(LIMIT_S)

    def train(
        self, folder: Path, ranks: int = 2, every: int = 10, rank: str = tiny.MODULE, compiled: bool = False
    ) -> list[int]:
        """Exit codes by rank, in a folder of its own for each run; that of a killed one is negative."""
        assert self._process.stdin
        assert self._process.stdout
        request = {"folder": str(folder), "ranks": ranks, "every": every, "rank": rank, "port": free_port()}
        request["compiled"] = compiled
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        codes: list[int] = json.loads(self._process.stdout.readline())
        return codes


def serve() -> None:
    for module in IMPORTED_BEFORE:
        importlib.import_module(module)
    for line in sys.stdin.buffer:
        request = json.loads(line)
        children = [_fork(request, rank) for rank in range(request["ranks"])]
        sys.stdout.write(f"{json.dumps(_codes(children))}\n")
        sys.stdout.flush()


def _fork(request: Mapping[str, Any], rank: int) -> int:
    return os.fork() or _be_a_rank(request, rank)


def _be_a_rank(request: Mapping[str, Any], rank: int) -> NoReturn:
    try:
        count = str(request["ranks"])
        os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": count, "LOCAL_SIZE": count}
        os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(request["port"])}
        sys.argv = ["rank", "--run", request["folder"], "--checkpoint-steps", str(request["every"])]
        sys.argv += ["--compiled"] if request["compiled"] else []
        runpy.run_module(request["rank"], run_name="__main__")
    except BaseException as error:
        sys.stderr.write(f"rank {rank}: {error!r}\n")
        _leave(1)
    _leave(0)


def _leave(code: int) -> NoReturn:
    """Past what the nursery would do at its own end, but for the coverage that the tests are run under."""
    sys.stderr.flush()
    if (measured := sys.modules.get("coverage")) and (coverage := measured.Coverage.current()):
        coverage.stop()
        coverage.save()
    os._exit(code)


def _codes(children: Sequence[int]) -> list[int]:
    """Waits as DeepSpeed's launcher does: when one has died, the others are ended."""
    codes: dict[int, int] = {}
    deadline = time.monotonic() + LIMIT_S
    while len(codes) < len(children):
        for child in children:
            if child not in codes and (ended := os.waitpid(child, os.WNOHANG))[0]:
                codes[child] = os.waitstatus_to_exitcode(ended[1])
        if any(codes.values()) or time.monotonic() > deadline:
            for child in children:
                if child not in codes:
                    os.kill(child, signal.SIGKILL)
        time.sleep(0.005)
    return [codes[child] for child in children]


if __name__ == "__main__":
    serve()
