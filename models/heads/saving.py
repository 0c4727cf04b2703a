"""Heads as bytes: numbers as safetensors, the rest as JSON in its header. Nothing in them can run."""

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from models.heads.linear import Head
from streams.errors import BadRecord

UNREADABLE = "head_unreadable"
_FORMAT = "millrace-heads-1"
_LENGTH = struct.Struct("<Q")
_NUMBERS = ("weights", "bias", "mean")

Numbers = Mapping[str, NDArray[Any]]
"""By place and name, such as `0.weights`."""


def heads_to_bytes(heads: Sequence[Head]) -> bytes:
    """One head or an ensemble; equal heads give equal bytes."""
    return packed(_FORMAT, heads, [words_of(head) for head in heads])


def heads_from_bytes(content: bytes) -> tuple[Head, ...]:
    """What `heads_to_bytes` wrote. Raises BadRecord("head_unreadable")."""
    words, numbers = unpacked(_FORMAT, content)
    try:
        return tuple(head_of(each, numbers, place) for place, each in enumerate(words))
    except (ValueError, KeyError, TypeError) as error:
        raise unreadable(error) from error


def packed(form: str, heads: Sequence[Head], words: object) -> bytes:
    """The numbers of heads, and words about them under the name of their form."""
    numbers = {
        f"{place}.{name}": np.array(getattr(head, name)) for place, head in enumerate(heads) for name in _NUMBERS
    }
    return bytes(save(numbers, metadata={form: json.dumps(words)}))  # one entry only: several have no order


def unpacked(form: str, content: bytes) -> tuple[Any, Numbers]:
    """The words and the numbers in bytes of this form. Raises BadRecord("head_unreadable")."""
    try:
        return json.loads(_metadata(content)[form]), load(content)
    except (SafetensorError, ValueError, KeyError, TypeError, struct.error) as error:
        raise unreadable(error) from error


def words_of(head: Head) -> dict[str, object]:
    """What of a head is no array."""
    return {"classes": head.classes, "scale": head.scale, "temperature": head.temperature}


def head_of(words: Mapping[str, Any], numbers: Numbers, place: int) -> Head:
    """The head at a place. Raises ValueError, KeyError or TypeError where words and numbers do not belong together."""
    weights, bias, mean = (numbers[f"{place}.{name}"] for name in _NUMBERS)
    classes = tuple(str(name) for name in words["classes"])
    if weights.shape != (len(classes), len(mean)) or bias.shape != (len(classes),):
        raise ValueError("classes and weights do not belong together")
    return Head(classes, weights, bias, mean, float(str(words["scale"])), float(str(words["temperature"])))


def unreadable(error: Exception) -> BadRecord:
    """The refusal of bytes that are no heads."""
    return BadRecord(UNREADABLE, f"these bytes are no heads: {error}")


def _metadata(content: bytes) -> dict[str, str]:
    (length,) = _LENGTH.unpack_from(content)
    header = json.loads(content[_LENGTH.size : _LENGTH.size + length])
    return dict(header["__metadata__"])
