"""Label Studio is told everything by its environment: kept in a file that only its owner may read.

The file is read by a shell that then becomes Label Studio, so that secrets stand on no command line.
"""

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

DATABASE = "label_studio.sqlite3"
SOURCE_AND_BECOME = 'set -a; . "$0"; set +a; exec "$@"'


def environment(data_dir: Path, token: str = "", password: str = "", email: str = "") -> dict[str, str]:
    """What the embedded server runs under. Names with the prefix beat what the user's own environment may hold."""
    settings = {
        "BASE_DATA_DIR": str(data_dir),
        "DJANGO_DB": "sqlite",
        "DATABASE_NAME": str(data_dir / DATABASE),
        "HOST": "",
        "DEBUG": "false",
        "USERNAME": email,
        "PASSWORD": password,
        "USER_TOKEN": token,
        "ENABLE_LEGACY_API_TOKEN": "true",
        "DISABLE_SIGNUP_WITHOUT_LINK": "true",
        "SSRF_PROTECTION_ENABLED": "false",  # or it refuses webhooks to this very machine
        "LOCAL_FILES_SERVING_ENABLED": "false",
        "COLLECT_ANALYTICS": "false",
        "LATEST_VERSION_CHECK": "false",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
        "FEATURE_FLAGS_OFFLINE": "true",
    }
    prefixed = {f"LABEL_STUDIO_{name}": value for name, value in settings.items()}
    unprefixed = ("COLLECT_ANALYTICS", "LATEST_VERSION_CHECK", "SSRF_PROTECTION_ENABLED")  # some are read as such
    return {**prefixed, **{name: settings[name] for name in unprefixed}, "LOG_LEVEL": "WARNING"}


def write_environment(file: Path, values: Mapping[str, str]) -> None:
    """Writes it for the owner alone."""
    lines = "".join(f"{name}={shlex.quote(value)}\n" for name, value in sorted(values.items()))
    write_private(file, lines)


def write_private(file: Path, text: str) -> None:
    """Replaces a file by one that only its owner may read; it never is anything else in between."""
    draft = file.with_name(f"{file.name}.draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)
    draft.replace(file)


def sourced(file: Path, command: Sequence[str]) -> list[str]:
    """The command, run under what the file says."""
    return ["/bin/sh", "-c", SOURCE_AND_BECOME, str(file.absolute()), *command]
