"""Ties a process to the one that started it: when the parent dies, even by SIGKILL, the child is killed.

Run as `python -I -S tether.py PARENT_PID COMMAND …`, it asks the kernel for that and becomes the command. A
`preexec_fn` would do the same, but is unsafe in a process with threads. The kernel watches the thread that started the
child, so start tethered children from a thread that lives as long as the process. Only Linux has this; elsewhere the
command just runs.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

PR_SET_PDEATHSIG = 1


def tethered(command: Sequence[str]) -> list[str]:
    """The command that runs `command` as a child which dies with this process."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def _become(parent_pid: int, command: Sequence[str]) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent_pid:
            sys.exit("the parent died before its child started")
    os.execvp(command[0], list(command))


if __name__ == "__main__":
    _become(int(sys.argv[1]), sys.argv[2:])
