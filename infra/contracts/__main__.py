"""`python -m infra.contracts [--check]`: writes the contract, or says what is out of date or would break somebody."""

import argparse
import sys
from pathlib import Path

from infra.contracts.files import FOLDER, ROOT, contract, differences, write


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0: up to date or written. 1: `--check` found a difference, or a change would break somebody."""
    parser = argparse.ArgumentParser(prog="python -m infra.contracts", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail if files are out of date")
    parser.add_argument("--root", type=Path, default=ROOT, help="another checkout")
    options = parser.parse_args(arguments)
    wanted = contract(options.root)
    if wanted.breaking:
        return _say(
            *wanted.breaking, "Make the change compatible, or raise the event's `major` and keep reading the old one."
        )
    if not options.check:
        changed = write(options.root, wanted)
        _say(*(f"wrote {FOLDER / path}" for path in changed))
        return 0
    stale = differences(options.root, wanted)
    return _say(
        *(f"out of date: {FOLDER / path}" for path in stale), *(["Run: python -m infra.contracts"] if stale else [])
    )


def _say(*lines: str) -> int:
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
