"""What Label Studio calls when something happens: it only wakes the poll, which fetches the truth.

Nothing in a call is believed. Ids of deleted tasks are a hint where to look; a forged, replayed or altered call costs a
look and changes nothing.
"""

import hmac
import json
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus

from pydantic import SecretStr

from annotation.label_studio.running import metrics
from annotation.label_studio.sending.projects import SECRET_HEADER

MAX_BYTES = 1_048_576
MOST_HINTS = 1_000

Webhook = Callable[[Mapping[str, str], bytes], tuple[int, bytes]]
"""Headers and body of a call; status and body of the answer."""


def webhook(wake: Callable[[Iterable[int]], None], secret: SecretStr | None) -> Webhook:
    """Answers calls at once. Without a secret everybody who reaches the port may wake the poll, and no more."""

    def answer(headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        given = next((value for name, value in headers.items() if name.lower() == SECRET_HEADER.lower()), "")
        if secret is not None and not hmac.compare_digest(given.encode(), secret.get_secret_value().encode()):
            return _said("refused", HTTPStatus.FORBIDDEN)
        if len(body) > MAX_BYTES:
            return _said("too_large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        wake(deleted_tasks(body))
        return _said("heeded", HTTPStatus.ACCEPTED)

    return answer


def deleted_tasks(body: bytes) -> list[int]:
    """Ids of tasks that are said to be deleted; none if the body is anything else."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return []
    if not isinstance(said, dict) or said.get("action") != "TASKS_DELETED" or not isinstance(said.get("tasks"), list):
        return []
    ids = (task.get("id") for task in said["tasks"][:MOST_HINTS] if isinstance(task, dict))
    return [number for number in ids if type(number) is int and 0 < number < 2**53]


def _said(outcome: str, status: HTTPStatus) -> tuple[int, bytes]:
    metrics.WEBHOOKS.labels(outcome).inc()
    return status.value, json.dumps({"status": outcome}).encode()
