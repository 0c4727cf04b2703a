"""One installation on one machine: settings and placement in, the processes that a supervisor runs out."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.broker.jars import KafkaJars, OnProgress
from infra.placement import LAPTOP, Placed
from infra.settings import Settings, flags
from infra.supervisor.child import ProcessSpec
from infra.supervisor.ports import LOOPBACK, remembered_ports
from infra.supervisor.status import http_probe, kafka_probe
from infra.supervisor.supervisor import Say

BROKER = "broker"
PORTS_FILE = "ports.json"


@dataclass(frozen=True, slots=True)
class Installation:
    """What runs, and where it is found."""

    foundations: tuple[ProcessSpec, ...]
    workers: tuple[ProcessSpec, ...]
    bootstrap: str
    api_url: str


def port_names(embedded_broker: bool, placement: Sequence[Placed] = LAPTOP) -> list[str]:
    """Every port of an installation, as `process.use`."""
    names = [f"{BROKER}.kafka", f"{BROKER}.controller"] if embedded_broker else []
    for placed in placement:
        names += [f"{placed.name}.ops"] + [f"{placed.name}.api"] * placed.api
    return names


def installation(settings: Settings, on_progress: OnProgress, say: Say) -> Installation:
    """Chooses ports and gets the broker ready to start: its jars are there and its folder is formatted."""
    data_dir = settings.data_dir.absolute()
    outside = settings.kafka.bootstrap_servers
    names = port_names(embedded_broker=outside is None)
    ports = remembered_ports(data_dir / PORTS_FILE, names, settings.supervisor.ports)
    bootstrap = outside or f"{LOOPBACK}:{ports[f'{BROKER}.kafka']}"
    foundations = () if outside else (_broker(settings, data_dir, ports, on_progress, say),)
    workers = tuple(_worker(placed, data_dir, ports, bootstrap) for placed in LAPTOP)
    api = next(f"{placed.name}.api" for placed in LAPTOP if placed.api)
    return Installation(foundations, workers, bootstrap, f"http://{LOOPBACK}:{ports[api]}")


def own_command(*words: str) -> tuple[str, ...]:
    """This program again with other words, under the same settings."""
    config = ("--config", str(flags.file)) if flags.file else ()
    assignments = [word for assignment in flags.assignments for word in ("--set", assignment)]
    return (sys.executable, "-m", "infra.cli.main", *config, *assignments, *words)


def _broker(
    settings: Settings, data_dir: Path, ports: Mapping[str, int], on_progress: OnProgress, say: Say
) -> ProcessSpec:
    from infra.broker.broker import Broker  # brings the client library along
    from infra.broker.fast_start import record_start
    from infra.broker.java import recording_of

    config = settings.broker
    jars = KafkaJars.locked().ensure(config.jars_dir.expanduser(), on_progress, config.repository)
    if not recording_of(jars).is_file():
        say(BROKER, "records a start of Kafka, once on this machine, so that later ones take half the time")
        record_start(jars)
    own = _ports_of(BROKER, ports)
    log_file = _log_file(data_dir, BROKER)
    broker = Broker(jars, data_dir / "kafka", own["kafka"], own["controller"], config, log_file)
    broker.prepare()
    return ProcessSpec(
        BROKER, tuple(broker.command()), log_file, kafka_probe(broker.bootstrap), own, config.stop_grace_s
    )


def _worker(placed: Placed, data_dir: Path, ports: Mapping[str, int], bootstrap: str) -> ProcessSpec:
    own = _ports_of(placed.name, ports)
    words = ["--set", f"kafka.bootstrap_servers={bootstrap}", "--data-dir", str(data_dir)]
    words += ["work", placed.name, "--ops-port", str(own["ops"])]
    words += ["--api-port", str(own["api"])] if placed.api else []
    log_file = _log_file(data_dir, placed.name)
    return ProcessSpec(placed.name, own_command(*words), log_file, http_probe(own["ops"]), own)


def _ports_of(process: str, ports: Mapping[str, int]) -> dict[str, int]:
    prefix = f"{process}."
    return {name.removeprefix(prefix): port for name, port in ports.items() if name.startswith(prefix)}


def _log_file(data_dir: Path, process: str) -> Path:
    return data_dir / "logs" / f"{process}.log"
