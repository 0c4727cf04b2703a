"""Heads as bytes: numbers as safetensors, the rest as JSON in its header. Nothing in them can run."""

import json
import struct
from collections.abc import Sequence

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from models.heads.linear import Head
from streams.errors import BadRecord

_FORMAT = "millrace-heads-1"
_LENGTH = struct.Struct("<Q")
_NUMBERS = ("weights", "bias", "mean")


def heads_to_bytes(heads: Sequence[Head]) -> bytes:
    """One head or an ensemble; equal heads give equal bytes."""
    numbers = {
        f"{place}.{name}": np.array(getattr(head, name)) for place, head in enumerate(heads) for name in _NUMBERS
    }
    words = [{"classes": head.classes, "scale": head.scale, "temperature": head.temperature} for head in heads]
    return bytes(save(numbers, metadata={_FORMAT: json.dumps(words)}))


def heads_from_bytes(content: bytes) -> tuple[Head, ...]:
    """What `heads_to_bytes` wrote. Raises BadRecord("head_unreadable")."""
    try:
        numbers = load(content)
        words = json.loads(_metadata(content)[_FORMAT])
        return tuple(_head(each, [numbers[f"{place}.{name}"] for name in _NUMBERS]) for place, each in enumerate(words))
    except (SafetensorError, ValueError, KeyError, TypeError, struct.error) as error:
        raise BadRecord("head_unreadable", f"these bytes are no heads: {error}") from error


def _metadata(content: bytes) -> dict[str, str]:
    (length,) = _LENGTH.unpack_from(content)
    header = json.loads(content[_LENGTH.size : _LENGTH.size + length])
    return dict(header["__metadata__"])


def _head(words: dict[str, object], numbers: Sequence[np.ndarray[tuple[int, ...], np.dtype[np.float64]]]) -> Head:
    weights, bias, mean = numbers
    classes = tuple(str(name) for name in words["classes"])  # type: ignore[attr-defined]
    if weights.shape != (len(classes), len(mean)) or bias.shape != (len(classes),):
        raise ValueError("classes and weights do not belong together")
    return Head(classes, weights, bias, mean, float(str(words["scale"])), float(str(words["temperature"])))
