"""Ports on the loopback: chosen once, remembered in the data folder, the same at every start while they are free."""

import json
import random
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path

from streams.errors import Misconfigured, Unavailable

LOOPBACK = "127.0.0.1"
RANGE = range(20_000, 32_000)
"""Below the ports that systems give to outgoing connections, so that none of those takes a port between two starts."""
TRIES = 1_000


def is_free(port: int) -> bool:
    """Whether a server could listen there; ports of connections that just ended count as free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def free_port(taken: Iterable[int] = ()) -> int:
    """A port that nobody listens on at the moment and that is not in `taken`."""
    avoided = set(taken)
    for _ in range(TRIES):
        port = random.choice(RANGE)
        if port not in avoided and is_free(port):
            return port
    raise Unavailable(f"found no free port between {RANGE.start} and {RANGE.stop - 1}")


def remembered_ports(file: Path, names: Iterable[str], fixed: Mapping[str, int]) -> dict[str, int]:
    """A port for each name: the fixed one, else the one used before if it is still free, else a new one."""
    before = json.loads(file.read_text()) if file.exists() else {}
    chosen: dict[str, int] = {}
    for name in names:
        chosen[name] = _port(name, before.get(name), fixed.get(name), {*fixed.values(), *chosen.values()})
    replace_file(file, json.dumps(before | chosen, indent=2))
    return chosen


def replace_file(file: Path, text: str) -> None:
    """Writes a file so that a reader sees the old or the new text, never a part."""
    draft = file.with_name(f"{file.name}.draft")
    draft.write_text(text)
    draft.replace(file)


def _port(name: str, before: int | None, fixed: int | None, taken: set[int]) -> int:
    if fixed is not None:
        if not is_free(fixed):
            raise Misconfigured(f"port {fixed} for {name} is in use: free it, or change supervisor.ports")
        return fixed
    if before is not None and before not in taken and is_free(before):
        return before
    return free_port(taken)
