"""Renews the list of jars: `python -m infra.broker.lock > infra/locks/kafka-jars.lock`. Run by hand, never by a start.

Only here are dependencies resolved. Whoever starts a broker takes exactly what the list names.
"""

import hashlib
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from jgo.maven import MavenContext

KAFKA = "4.3.1"
LOG4J = "2.25.5"

KAFKA_MODULES = (
    "kafka_2.13",
    "kafka-clients",
    "kafka-coordinator-common",
    "kafka-group-coordinator",
    "kafka-group-coordinator-api",
    "kafka-metadata",
    "kafka-raft",
    "kafka-server",
    "kafka-server-common",
    "kafka-share-coordinator",
    "kafka-storage",
    "kafka-storage-api",
    "kafka-tools-api",
    "kafka-transaction-coordinator",
)
"""Each named with its version: left to itself the resolver walks back to an older kafka-clients."""

HEADER = f"""\
# Apache Kafka {KAFKA} with everything it needs at run time. One jar a line: SHA-256, bytes, group:artifact:version.
# Renewed by `python -m infra.broker.lock`; read the difference before you commit it.
"""


def wanted() -> list[str]:
    """The coordinates that we name; the rest follows from them."""
    kafka = [f"org.apache.kafka:{module}:{KAFKA}" for module in KAFKA_MODULES]
    log4j = [f"org.apache.logging.log4j:{m}:{LOG4J}" for m in ("log4j-api", "log4j-core", "log4j-slf4j-impl")]
    return kafka + log4j


def locked_line(context: MavenContext, coordinate: str) -> str:
    content = context.create_dependency(coordinate).artifact.resolve().read_bytes()
    return f"{hashlib.sha256(content).hexdigest()} {len(content)} {coordinate}\n"


def lock(repository_copy: Path) -> str:
    """The whole list, as text."""
    context = MavenContext(repo_cache=repository_copy)
    named, further = context.resolver.resolve([context.create_dependency(c) for c in wanted()])
    coordinates = sorted({f"{d.groupId}:{d.artifactId}:{d.version}" for d in named + further})
    with ThreadPoolExecutor(4) as pool:
        return HEADER + "".join(pool.map(lambda coordinate: locked_line(context, coordinate), coordinates))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        sys.stdout.write(lock(Path(folder)))
