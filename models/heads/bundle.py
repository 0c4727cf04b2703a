"""The heads that a model brings, one for each class task of a tenant, in one file that can be released.

The file names the encoder whose vectors the heads were fitted to: on those of another one they would answer too, and
nobody would see that the answers mean nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NamedTuple

import numpy as np

from models.heads.linear import Head
from models.heads.saving import Numbers, head_of, packed, unpacked, unreadable, words_of
from streams.errors import BadRecord

HEADS = "heads.safetensors"
"""The file's name among the artifacts of a model."""
MAX_BYTES = 64 * 2**20
MAX_HEADS = 1_000
MAX_CLASSES = 10_000
TOO_LARGE = "heads_too_large"
_FORMAT = "millrace-head-bundle-1"
_ARRAYS = 3
"""Of each head."""


class HeadName(NamedTuple):
    """Whose question a head answers."""

    tenant: str
    task: str


@dataclass(frozen=True)
class HeadBundle:
    """Heads on the vectors of one encoder."""

    encoder_version: str
    heads: Mapping[HeadName, Head]

    def tasks(self, tenant: str) -> list[str]:
        """Names of a tenant's tasks that have a head."""
        return sorted(name.task for name in self.heads if name.tenant == tenant)


def bundle_to_bytes(bundle: HeadBundle) -> bytes:
    """Equal bundles give equal bytes. Raises BadRecord("heads_too_large")."""
    names = sorted(bundle.heads)
    heads = [bundle.heads[name] for name in names]
    _require_few(len(heads), max((len(head.classes) for head in heads), default=0))
    about = [{"tenant": name.tenant, "task": name.task} | words_of(bundle.heads[name]) for name in names]
    content = packed(_FORMAT, heads, {"encoder": bundle.encoder_version, "heads": about})
    require_small(len(content))
    return content


def bundle_from_bytes(content: bytes) -> HeadBundle:
    """What `bundle_to_bytes` wrote. Raises BadRecord, also for numbers that no head can answer with."""
    require_small(len(content))
    words, numbers = unpacked(_FORMAT, content)
    try:
        return _bundle(words, numbers)
    except (ValueError, KeyError, TypeError) as error:
        raise unreadable(error) from error


def version_of(content: bytes, encoder_version: str) -> str:
    """Name of the model that these heads make on this encoder: equal names, equal answers."""
    digest = sha256(f"{encoder_version} {sha256(content).hexdigest()}".encode()).hexdigest()
    return f"heads-{digest[:12]}"


def require_small(length: int) -> None:
    """Raises BadRecord for a file that is larger than any bundle may be."""
    if length > MAX_BYTES:
        raise BadRecord(TOO_LARGE, f"heads of {length} bytes, {MAX_BYTES} are allowed: have fewer classes or tasks")


def _bundle(words: Mapping[str, Any], numbers: Numbers) -> HeadBundle:
    about = words["heads"]
    _require_few(len(about), max((len(each["classes"]) for each in about), default=0))
    heads = [head_of(each, numbers, place) for place, each in enumerate(about)]
    for head in heads:
        _require_sound(head)
    found = {HeadName(str(each["tenant"]), str(each["task"])): head for each, head in zip(about, heads, strict=True)}
    if len(found) != len(heads) or len(numbers) != _ARRAYS * len(heads):
        raise ValueError("a task has two heads, or there are numbers of no head")
    if len({len(head.mean) for head in heads}) > 1:
        raise ValueError("heads for vectors of several lengths")
    return HeadBundle(str(words["encoder"]), found)


def _require_few(heads: int, classes: int) -> None:
    if heads > MAX_HEADS or classes > MAX_CLASSES:
        raise BadRecord(
            TOO_LARGE, f"{heads} heads of up to {classes} classes; {MAX_HEADS} of {MAX_CLASSES} are allowed"
        )


def _require_sound(head: Head) -> None:
    arrays = (head.weights, head.bias, head.mean)
    if any(array.dtype != np.float64 or not np.isfinite(array).all() for array in arrays):
        raise ValueError("numbers that are no finite ones of double precision")
    if not all(np.isfinite(number) and number > 0 for number in (head.scale, head.temperature)):
        raise ValueError("a scale or a temperature that is not above 0")
    if len(head.classes) < 1 or len(set(head.classes)) != len(head.classes):
        raise ValueError("no classes, or one of them twice")
