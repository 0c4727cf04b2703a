"""Secrets that an installation makes for itself: once per data folder, in files for their owner alone."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from pydantic import SecretStr

from infra.label_studio.server import Access
from streams.errors import Misconfigured


def kept_secret(file: Path) -> SecretStr:
    """The secret in the file; made by whichever process comes first."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(secrets.token_hex(32))
    with suppress(FileExistsError):
        os.link(draft, file)  # whole or not at all, and never over an existing one
    draft.unlink()
    return SecretStr(file.read_text())


def embedded_token(data_dir: Path) -> SecretStr:
    """The token of the Label Studio that `millrace up` runs on the folder. Raises Misconfigured where there is none."""
    file = data_dir / "label-studio" / "access.json"
    if not file.is_file():
        raise Misconfigured("label_studio.token is not set: copy it from the account page of Label Studio")
    return SecretStr(Access.kept_in(file).token)
