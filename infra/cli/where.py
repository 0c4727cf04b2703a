"""Where things are: the configured address, else that of the installation that runs on the data folder."""

from typing import TYPE_CHECKING

from infra.label_studio.server import NAME as LABEL_STUDIO
from infra.placement import home_of
from infra.settings import Settings
from infra.supervisor.state import address_of, bootstrap_of
from streams.errors import MillraceError, Unavailable
from streams.kafka.config import KafkaConfig

if TYPE_CHECKING:  # the database library is loaded by the commands that need it
    from sqlalchemy import Engine

    from models.registry.registry import Registry


def reachable_kafka(settings: Settings) -> KafkaConfig:
    """The Kafka settings with an address. Raises Unavailable if there is none."""
    if settings.kafka.bootstrap_servers:
        return settings.kafka
    if (address := bootstrap_of(settings.data_dir)) is None:
        raise Unavailable("no broker: start Millrace with `millrace up`, or set kafka.bootstrap_servers")
    return settings.kafka.model_copy(update={"bootstrap_servers": address})


def ops_url(settings: Settings, stage: str) -> str:
    """The operators' door of the process that runs a stage. Raises Unavailable if nothing runs."""
    if (address := address_of(settings.data_dir, home_of(stage), "ops")) is None:
        raise Unavailable(f"nothing runs on {settings.data_dir}; start Millrace with `millrace up`")
    return address


def recording_url(settings: Settings) -> str:
    """Where SQL is answered."""
    return ops_url(settings, "recording")


def api_url(settings: Settings) -> str:
    """Where the API answers. Raises Unavailable if nothing runs."""
    if (address := address_of(settings.data_dir, "search", "api")) is None:
        raise Unavailable(f"nothing runs on {settings.data_dir}; start Millrace with `millrace up`")
    return address


def label_studio_url(settings: Settings) -> str:
    """Where annotators work. Raises Unavailable if nothing runs."""
    address = settings.label_studio.url or address_of(settings.data_dir, LABEL_STUDIO, "http")
    if address is None:
        raise Unavailable("no Label Studio runs: name a task in labelling.tasks and start Millrace with `millrace up`")
    return address


def opened_metadata(settings: Settings) -> "Engine":
    """The metadata database of an installation that has run before. Raises MillraceError where none has."""
    from infra.migrations.run import open_migrated

    if not settings.metadata.url and not (settings.data_dir / "metadata.sqlite").exists():
        raise MillraceError(f"nothing has run on {settings.data_dir} yet; start it with `millrace up`")
    return open_migrated(settings.metadata.resolved(settings.data_dir))


def opened_registry(settings: Settings) -> "Registry":
    """What that installation knows of models."""
    from models.registry.registry import Registry

    return Registry(opened_metadata(settings))
