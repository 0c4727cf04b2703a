"""One installation on one machine: settings and placement in, the processes that a supervisor runs out."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.broker.jars import KafkaJars, OnProgress
from infra.label_studio.server import NAME as LABEL_STUDIO
from infra.label_studio.server import LabelStudioServer
from infra.placement import Placed, placement
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
    labels_url: str | None
    """Where annotators work; None without labelling tasks."""


def port_names(settings: Settings) -> list[str]:
    """Every port of an installation, as `process.use`."""
    names = [f"{BROKER}.kafka", f"{BROKER}.controller"] if settings.kafka.bootstrap_servers is None else []
    names += [f"{LABEL_STUDIO}.http"] * _labels_here(settings)
    for placed in placement(labelling=bool(settings.labelling.tasks)):
        names += [f"{placed.name}.ops"] + [f"{placed.name}.api"] * placed.api
    return names


def installation(settings: Settings, on_progress: OnProgress, say: Say) -> Installation:
    """Chooses ports and gets the broker ready to start: its jars are there and its folder is formatted."""
    data_dir = settings.data_dir.absolute()
    outside = settings.kafka.bootstrap_servers
    placed_here = placement(labelling=bool(settings.labelling.tasks))
    ports = remembered_ports(data_dir / PORTS_FILE, port_names(settings), settings.supervisor.ports)
    bootstrap = outside or f"{LOOPBACK}:{ports[f'{BROKER}.kafka']}"
    foundations = () if outside else (_broker(settings, data_dir, ports, on_progress, say),)
    api = next(f"{placed.name}.api" for placed in placed_here if placed.api)
    api_url = f"http://{LOOPBACK}:{ports[api]}"
    told = {"kafka.bootstrap_servers": bootstrap, "api.public_url": settings.api.public_url or api_url}
    others: tuple[ProcessSpec, ...] = ()
    if _labels_here(settings):
        server = _label_studio(settings, data_dir, ports, say)
        told["label_studio.url"] = server.url
        others = (server.process_spec(),)
    workers = tuple(_worker(placed, data_dir, ports, told) for placed in placed_here)
    labels_url = settings.label_studio.url or told.get("label_studio.url")
    return Installation(foundations, (*others, *workers), bootstrap, api_url, labels_url)


def _labels_here(settings: Settings) -> bool:
    return settings.embedded_label_studio.wanted(len(settings.labelling.tasks), settings.label_studio.url)


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


def _label_studio(settings: Settings, data_dir: Path, ports: Mapping[str, int], say: Say) -> LabelStudioServer:
    port = ports[f"{LABEL_STUDIO}.http"]
    log_file = _log_file(data_dir, LABEL_STUDIO)
    server = LabelStudioServer(data_dir / LABEL_STUDIO, port, settings.embedded_label_studio, log_file)
    server.prepare(lambda step: say(LABEL_STUDIO, step))
    return server


def _worker(placed: Placed, data_dir: Path, ports: Mapping[str, int], told: Mapping[str, str]) -> ProcessSpec:
    own = _ports_of(placed.name, ports)
    words = [word for name, value in told.items() for word in ("--set", f"{name}={value}")]
    words += ["--data-dir", str(data_dir)]
    words += ["work", placed.name, "--ops-port", str(own["ops"])]
    words += ["--api-port", str(own["api"])] if placed.api else []
    log_file = _log_file(data_dir, placed.name)
    return ProcessSpec(placed.name, own_command(*words), log_file, http_probe(own["ops"]), own)


def _ports_of(process: str, ports: Mapping[str, int]) -> dict[str, int]:
    prefix = f"{process}."
    return {name.removeprefix(prefix): port for name, port in ports.items() if name.startswith(prefix)}


def _log_file(data_dir: Path, process: str) -> Path:
    return data_dir / "logs" / f"{process}.log"
