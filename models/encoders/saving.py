"""Weights as files whose bytes are the same whenever the weights and facts are: their digests are names."""

import json
import struct
from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import save
from torch import Tensor

_LENGTH = struct.Struct("<Q")
_FACTS = "__metadata__"


def save_weights(weights: Mapping[str, Tensor], path: Path, facts: Mapping[str, str]) -> None:
    """Safetensors with facts in the header, in order: the library writes them in another one each time."""
    content = save(dict(weights), metadata=dict(facts))
    (length,) = _LENGTH.unpack_from(content)
    start, stop = _LENGTH.size, _LENGTH.size + length
    header = json.loads(content[start:stop])
    header[_FACTS] = dict(sorted(header[_FACTS].items()))
    ordered = json.dumps(header, separators=(",", ":")).encode()
    ordered += b" " * (-len(ordered) % 8)
    path.write_bytes(_LENGTH.pack(len(ordered)) + ordered + content[stop:])
