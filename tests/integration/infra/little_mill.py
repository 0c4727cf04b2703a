"""A supervisor over tiny real processes, run as a process of its own: `python -m … FOLDER SCENARIO`.

Each tiny process notes in FOLDER/events when it starts and stops; what else it does, its scenario says. What people
would be told goes to FOLDER/said.
"""

import json
import sys
from pathlib import Path

from infra.supervisor.child import ProcessSpec, Readiness
from infra.supervisor.config import SupervisorConfig
from infra.supervisor.state import sole_supervisor
from infra.supervisor.supervisor import Supervisor
from streams.errors import MillraceError
from streams.retry import BackoffConfig

PROCESS = """
import signal, subprocess, sys, time
from pathlib import Path
name, folder, does = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
def note(what):
    with (folder / "events").open("a") as events:
        events.write(f"{what} {name}\\n")
def stop(*_):
    note("stop")
    sys.exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN if does == "ignore-sigterm" else stop)
note("start")
if does == "refuse":
    sys.stderr.write("millrace: index.url is wrong\\n")
    sys.exit(2)
if does == "have-a-child":
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    (folder / "grandchild").write_text(str(child.pid))
if does != "never-be-ready":
    (folder / f"{name}.ready").touch()
print(name, "says hello", flush=True)
time.sleep(60)
"""

CONFIG = SupervisorConfig(
    backoff=BackoffConfig(first_s=0.2, longest_s=1.0), stop_grace_s=1.0, ready_timeout_s=5.0, stable_after_s=5.0
)


def spec(folder: Path, name: str, does: str) -> ProcessSpec:
    def probe() -> Readiness:
        ready = (folder / f"{name}.ready").exists()
        return Readiness(ready, () if ready else (f"{name} is not there yet",))

    command = (sys.executable, "-c", PROCESS, name, str(folder), does)
    return ProcessSpec(name, command, folder / "logs" / f"{name}.log", probe)


def note(folder: Path, what: str) -> None:
    with (folder / "events").open("a") as events:
        events.write(f"{what}\n")


def say(folder: Path, what: str) -> None:
    with (folder / "said").open("a") as said:
        said.write(f"{what}\n")


def main(folder: Path, scenario: dict[str, str]) -> None:
    foundation, *workers = [spec(folder, name, does) for name, does in scenario.items()]
    with sole_supervisor(folder):
        supervisor = Supervisor(
            folder,
            [foundation],
            workers,
            lambda: note(folder, "prepare"),
            CONFIG.model_copy(update={"ready_timeout_s": 4.0}) if "never-be-ready" in scenario.values() else CONFIG,
            lambda name, what: say(folder, f"{name} {what}"),
        )
        supervisor.run(lambda: note(folder, "ready"))


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), json.loads(sys.argv[2]))
    except MillraceError as error:
        say(Path(sys.argv[1]), f"millrace: {error}")
        sys.exit(1)
