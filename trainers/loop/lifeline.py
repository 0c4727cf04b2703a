"""No rank outlives whoever started it, and no two runs share a folder.

Standard input of the ranks is a pipe that only their starter holds open: when it dies, even by SIGKILL, the pipe ends
and the ranks leave at once. A rank that starts too late finds it ended. Locks on files say that a folder is taken, and
that ranks of an earlier run are still leaving; the kernel lets go of them when a process dies.
"""

import fcntl
import os
import select
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from streams.clock import Clock
from streams.errors import Unavailable

OWNER, RANKS = "owner.lock", "ranks.lock"
ORPHANED_EXIT = 3
STDIN = 0
LOOK_AGAIN_S = 0.05


def leave_with_starter() -> None:
    """Ends this process when the pipe on standard input ends."""
    if select.select([STDIN], [], [], 0)[0] and not os.read(STDIN, 1):
        sys.exit(ORPHANED_EXIT)
    threading.Thread(target=_watch, daemon=True, name="lifeline").start()


def _watch() -> None:
    with suppress(OSError):
        while os.read(STDIN, 1):
            pass
    os._exit(ORPHANED_EXIT)  # like a kill: whatever is being written must bear that


def mark_alive(folder: Path) -> int:
    """Says for as long as this process lives that a rank works in the folder."""
    descriptor = os.open(folder / RANKS, os.O_RDWR | os.O_CREAT, 0o644)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


@contextmanager
def owned(folder: Path) -> Iterator[None]:
    """The folder is ours; Unavailable while another process has it."""
    descriptor = os.open(folder / OWNER, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        if not _locked(descriptor):
            raise Unavailable(f"another process trains in {folder}")
        yield
    finally:
        os.close(descriptor)


def wait_until_empty(folder: Path, clock: Clock, patience_s: float) -> None:
    """Until no rank works in the folder any more."""
    descriptor = os.open(folder / RANKS, os.O_RDWR | os.O_CREAT, 0o644)
    deadline = clock.monotonic() + patience_s
    try:
        while not _locked(descriptor):
            if clock.monotonic() > deadline:
                raise Unavailable(f"ranks of an earlier run still work in {folder}")
            clock.sleep(LOOK_AGAIN_S)
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
