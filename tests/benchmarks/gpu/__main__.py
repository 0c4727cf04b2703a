"""`python -m tests.benchmarks.gpu rate|run|ddp|scaling`: training steps of ViT-B/16 and BERT-base shapes, as JSON.

`rate` says how much of the GPU's peak a step reaches, `run` the same within a whole training run, `ddp` sets the engine
against plain DistributedDataParallel in turns, `scaling` two GPUs against one, each with the same batch, in turns.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from tests.benchmarks.gpu.rank import Orders
from tests.benchmarks.gpu.starting import found_by
from tests.benchmarks.harness import AtLeast, Measured, interleaved, judged

SCALING_GOAL = AtLeast(1.90)
MFU_GOAL = 0.40


def rate(ranks: int, orders: Orders) -> dict[str, Any]:
    """One side alone."""
    found = found_by(ranks, orders)
    return found | {"goal": MFU_GOAL, "verdict": _verdict(found["mfu"])}


def scaling(ranks: int, orders: Orders, pairs: int) -> dict[str, Any]:
    """Items a second of all ranks against those of one, each in processes of its own."""
    runs: dict[int, list[dict[str, Any]]] = {1: [], ranks: []}

    def side(size: int) -> Measured:
        runs[size].append(found_by(size, orders))
        return Measured(1 / runs[size][-1]["items_per_s"], orders.batch)

    done = interleaved(lambda: side(ranks), lambda: side(1), pairs)
    alone = [run["items_per_s"] for run in runs[1]]
    compared = judged(done, alone[0] / alone[-1], SCALING_GOAL)
    facts = {"ratio": compared.ratio, "ratios": compared.ratios, "null": compared.null}
    return facts | {"goal": str(SCALING_GOAL), "verdict": compared.verdict, "one": runs[1], "several": runs[ranks]}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.gpu", description=__doc__)
    parser.add_argument("what", choices=("rate", "run", "ddp", "scaling"))
    parser.add_argument("--ranks", type=int, default=1, help="GPUs; `scaling` compares this number with one")
    parser.add_argument("--batch", type=int, default=512, help="pairs of a GPU")
    parser.add_argument("--text-tokens", type=int, default=64, help="as a recipe reads unless told otherwise")
    parser.add_argument("--stage", type=int, default=1, choices=range(4), help="of ZeRO")
    parser.add_argument("--steps", type=int, default=10, help="of a block")
    parser.add_argument("--blocks", type=int, default=7, help="or pairs of blocks")
    parser.add_argument("--pairs", type=int, default=2, help="of starts, for `scaling`")
    parser.add_argument("--compile", action="store_true", help="as with training.compiled")
    parser.add_argument("--tiny", action="store_true", help="small shapes: only shows that it runs")
    parser.add_argument("--profile", default="", help="file for the table of a profiler")
    parser.add_argument("--json", type=Path, default=Path(".millrace/bench-gpu.json"), help="where the figures go")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    orders = Orders(
        batch=given.batch,
        text_tokens=given.text_tokens,
        stage=given.stage,
        steps=given.steps,
        blocks=given.blocks,
        against_ddp=given.what == "ddp",
        whole=given.what == "run",
        compiled=given.compile,
        tiny=given.tiny,
        profile=given.profile,
    )
    if given.what == "scaling":
        found = scaling(given.ranks, orders, given.pairs)
    else:
        found = found_by(given.ranks, orders) if orders.against_ddp else rate(given.ranks, orders)
    given.json.parent.mkdir(parents=True, exist_ok=True)
    body = json.dumps({"what": given.what, "orders": json.loads(orders.written())} | found, indent=2) + "\n"
    given.json.write_text(body)
    sys.stdout.write(body)


def _verdict(mfu: float | None) -> str:
    if mfu is None:
        return "no peak known"
    return "met" if mfu >= MFU_GOAL else "missed"


if __name__ == "__main__":
    main()
