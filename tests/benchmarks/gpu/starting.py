"""Processes that train together on this machine, as DeepSpeed's launcher would start them, and what they found."""

import json
import os
import subprocess
import sys
from typing import Any

from infra.supervisor.ports import LOOPBACK, free_port
from tests.benchmarks.gpu.flops import peak_tflops, step_flops
from tests.benchmarks.gpu.rank import Orders
from tests.benchmarks.gpu.towers import base, tiny

PATIENCE_S = 500


def found_by(ranks: int, orders: Orders) -> dict[str, Any]:
    """The figures of these many ranks, one for each GPU. Raises CalledProcessError where one of them fails."""
    port = str(free_port())
    command = [sys.executable, "-W", "ignore", "-m", "tests.benchmarks.gpu.rank", orders.written()]
    running = [
        subprocess.Popen(command, env=_told(rank, ranks, port), stdout=subprocess.PIPE, text=True)
        for rank in range(ranks)
    ]
    try:
        said = [process.communicate(timeout=PATIENCE_S)[0] for process in running]
    finally:
        for process in running:
            process.kill()
    for process in running:
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)
    return with_rates(json.loads(said[0].splitlines()[-1]), orders)


def with_rates(found: dict[str, Any], orders: Orders) -> dict[str, Any]:
    """Items, tokens and operations a second, and their share of the peak."""
    shape = (tiny if orders.tiny else base)(orders.text_tokens)
    items = found["ranks"] * orders.batch / found["seconds"]
    tflops = items / found["ranks"] * step_flops(shape) / 1e12
    peak = peak_tflops(found["device"])
    return found | {
        "items_per_s": items,
        "tokens_per_s": items * shape.tokens,
        "tflops_per_gpu": tflops,
        "peak_tflops": peak,
        "mfu": tflops / peak if peak else None,
    }


def _told(rank: int, ranks: int, port: str) -> dict[str, str]:
    return os.environ | {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(ranks),
        "LOCAL_SIZE": str(ranks),
        "MASTER_ADDR": LOOPBACK,
        "MASTER_PORT": port,
        "PYTHONWARNINGS": "ignore",
        "TOKENIZERS_PARALLELISM": "false",
    }
