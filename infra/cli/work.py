"""`millrace work PROCESS` and `millrace run STAGE…`: the worker itself, as the supervisor or a cluster starts it."""

import sys
from typing import Annotated

import typer

from infra.placement import PROCESSES, STAGES
from infra.settings import load_settings
from streams.errors import Misconfigured

OpsPort = Annotated[int, typer.Option(help="Port for /metrics, /healthz and /readyz; 0 takes a free one.")]
ApiPort = Annotated[int | None, typer.Option(help="Port for the API.")]


def work(
    process: Annotated[str, typer.Argument(help=f"One of {', '.join(PROCESSES)}.")],
    ops_port: OpsPort = 0,
    api_port: ApiPort = None,
) -> None:
    """Run one process of the laptop's placement (infra/placement.py)."""
    if process not in PROCESSES:
        raise Misconfigured(f"there is no process {process}; there are {', '.join(PROCESSES)}")
    placed = PROCESSES[process]
    _run(process, placed.stages, placed.api, ops_port, api_port)


def run(
    stages: Annotated[list[str], typer.Argument(help=f"Any of {', '.join(STAGES)}.")],
    ops_port: OpsPort = 0,
) -> None:
    """Run stages as one worker, such as a replica on a cluster. Needs kafka.bootstrap_servers."""
    if unknown := [stage for stage in stages if stage not in STAGES]:
        raise Misconfigured(f"there is no stage {unknown[0]}; there are {', '.join(STAGES)}")
    _run("+".join(stages), tuple(stages), False, ops_port, None)


def serve(
    port: Annotated[int | None, typer.Option(help="Port of the API; else api.port.")] = None,
    ops_port: OpsPort = 0,
) -> None:
    """Run the API alone, such as a replica on a cluster. Needs kafka.bootstrap_servers and index.url."""
    settings = load_settings()
    if settings.index.url is None:
        raise Misconfigured("index.url is not set; an index in process has one owner, the process `search`")
    _run("api", (), True, ops_port, settings.api.port if port is None else port)


def _run(name: str, stages: tuple[str, ...], api: bool, ops_port: int, api_port: int | None) -> None:
    from infra.wiring import build
    from infra.worker.process import Worker

    settings = load_settings()
    if settings.kafka.bootstrap_servers is None:
        raise Misconfigured("kafka.bootstrap_servers is not set; `millrace up` starts a broker and its workers")
    parts = build(settings, stages, api_port if api else None)
    sys.exit(Worker(name, parts, settings.worker, ops_port).run())
