"""Whether a file is what its name says, before a library opens it: safetensors with a sane header, or JSON.

Source: safetensors format (8 bytes of length, little-endian, a JSON header of that length, then the numbers of all
tensors without gap or overlap). Files of any other kind are foreign and refused: a pickle would run what it holds.
"""

import math
import re
import struct
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from streams.errors import BadRecord

FOREIGN = "artifact_foreign"

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}\.(safetensors|json)")
"""A plain file name: no folder, nothing hidden."""

MAX_HEADER_BYTES = 100 * 10**6
"""As the safetensors library has it."""
MAX_JSON_BYTES = 64 * 2**20

DTYPE_BYTES = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1,
    "I16": 2, "U16": 2, "F16": 2, "BF16": 2,
    "I32": 4, "U32": 4, "F32": 4,
    "I64": 8, "U64": 8, "F64": 8,
}  # fmt: skip
_LENGTH = struct.Struct("<Q")


def require_plain_name(name: str) -> None:
    """Raises BadRecord unless it names a safetensors or JSON file in no folder."""
    if not NAME.fullmatch(name):
        raise BadRecord(FOREIGN, f"{name[:200]!r} is no plain name of a .safetensors or .json file")


def require_sound(path: Path, name: str) -> None:
    """Raises BadRecord naming the file if its content is not what its name says. OSError is the caller's."""
    require_plain_name(name)
    try:
        if name.endswith(".json"):
            _require_json(path)
        else:
            _require_safetensors(path)
    except ValueError as error:
        raise BadRecord(FOREIGN, f"{name} is not what its name says: {error}") from error


def _require_json(path: Path) -> None:
    if (size := path.stat().st_size) > MAX_JSON_BYTES:
        raise ValueError(f"{size} bytes of JSON, {MAX_JSON_BYTES} are allowed")
    from_json(path.read_bytes())


def _require_safetensors(path: Path) -> None:
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(_LENGTH.size)
        if len(start) < _LENGTH.size:
            raise ValueError(f"{size} bytes are too few for a header")
        (length,) = _LENGTH.unpack(start)
        if length > min(MAX_HEADER_BYTES, size - _LENGTH.size):
            raise ValueError(f"a header of {length} bytes in a file of {size}")
        header = from_json(file.read(length))
    if not isinstance(header, dict):
        raise ValueError("its header is no object")  # noqa: TRY004 - the file is wrong, not the caller
    _require_whole(header, size - _LENGTH.size - length)


def _require_whole(header: dict[str, Any], data_bytes: int) -> None:
    """Tensors follow each other from the first byte to the last."""
    tensors = {name: tensor for name, tensor in header.items() if name != "__metadata__"}
    spans = sorted(_span(name, tensor) for name, tensor in tensors.items())
    end = 0
    for begin, stop, name in spans:
        if begin != end:
            raise ValueError(f"tensor {name[:100]} begins at {begin}, the one before ends at {end}")
        end = stop
    if end != data_bytes:
        raise ValueError(f"tensors of {end} bytes, {data_bytes} are there")


def _span(name: str, tensor: Any) -> tuple[int, int, str]:
    try:
        width, shape = DTYPE_BYTES[tensor["dtype"]], tensor["shape"]
        begin, stop = tensor["data_offsets"]
        whole = [begin, stop, *shape]
        sound = all(type(number) is int and number >= 0 for number in whole)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"tensor {name[:100]} has no known type, shape and place") from error
    if not sound or stop - begin != width * math.prod(shape):
        raise ValueError(f"tensor {name[:100]} has another length than its shape says")
    return begin, stop, name
