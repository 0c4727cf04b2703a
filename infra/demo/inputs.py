"""What the demo publishes: real pictures and texts that every machine has, and trouble planted on purpose.

Pictures are scikit-learn's handwritten digits (UCI Optical Recognition of Handwritten Digits, CC BY 4.0); texts are the
language reference and the module documentation that ship with Python. Each file is written with what must become of it,
so that the demo can be wrong.
"""

import ast
import json
import struct
import wave
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from sysconfig import get_path

from schemas.items import Modality, RejectReason

DIGIT_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
PICTURES = 300
TO_LABEL = 700
"""Further digits, without a caption: what annotators are asked about."""
FIRST_DIGITS, LATER_DIGITS = range(5), range(5, 10)
"""Those that nobody has seen come after the first turn of the wheel, so that the second has something to learn."""
TO_LABEL_SOURCE = "digits-to-label"
MODULES = 250
MIN_TEXT_CHARACTERS = 200
SAMPLE_RATE_HZ = 8000
BOMB_SIDE_PX = 10_500
"""Its square is above 100 megapixels."""


@dataclass(frozen=True, slots=True)
class Planted:
    """A file that was written, and what must become of it: `reject` with a reason, `park`, or neither: indexed."""

    path: Path
    modality: Modality
    reject: RejectReason | None = None
    park: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A search with an item that must be among the first ten."""

    words: str
    expected: str


QUERIES = (
    Query("how can I catch an exception", "items/texts/reference-try.txt"),
    Query("regular expression pattern matching", "items/texts/module-re.txt"),
    Query("send an e-mail message over SMTP", "items/texts/module-smtplib.txt"),
    Query("calendar arithmetic with dates and weekdays", "items/texts/module-calendar.txt"),
    Query("parse options of a command line", "items/texts/module-argparse.txt"),
    Query("repeat a block as long as a condition is true", "items/texts/reference-while.txt"),
)

WITHDRAWN = "items/texts/note-to-withdraw.txt"
WITHDRAWN_WORDS = "zeppelin quixotic marmalade timetable"
"""Words that stand in the withdrawn item alone."""


def write_items(folder: Path) -> list[Planted]:
    """Fills `folder` with texts, pictures, a sound and a video; what must become of each."""
    return [*_texts(folder / "texts"), *_pictures(folder / "pictures"), *_waiting(folder / "media")]


def write_to_label(folder: Path, digits: range) -> dict[str, str]:
    """Fills `folder` with those digits, without captions; the true label of each item."""
    shared: dict[str, object] = {"licence": "CC BY 4.0", "source": TO_LABEL_SOURCE}
    found = _digits(folder, range(PICTURES, PICTURES + TO_LABEL), lambda _: shared, digits)
    return {f"{folder.name}/{path.name}": DIGIT_WORDS[digit] for path, digit in found}


def planted_in(folder: Path) -> list[Planted]:
    """The pictures in a folder, each to be indexed."""
    return [Planted(path, Modality.IMAGE) for path in sorted(folder.glob("*.png"))]


def write_trouble(folder: Path, items: Path) -> list[Planted]:
    """Fills `folder` with copies of what is in `items` and with files that are broken in one way each."""
    folder.mkdir(parents=True, exist_ok=True)
    picture = (items / "pictures" / "digit-0000.png").read_bytes()
    words = (items / "texts" / "module-calendar.txt").read_bytes()
    pretence = b"These words only pretend to be a picture. " * 20
    planted = (
        ("copy-of-a-digit.png", picture, Modality.IMAGE, RejectReason.EXACT_DUPLICATE),
        ("copy-of-a-text.txt", words, Modality.TEXT, RejectReason.EXACT_DUPLICATE),
        ("cut-off.png", picture[: len(picture) // 2], Modality.IMAGE, RejectReason.UNREADABLE),
        ("empty.png", b"", Modality.IMAGE, RejectReason.EMPTY),
        ("really-a-text.jpg", pretence, Modality.IMAGE, RejectReason.TYPE_MISMATCH),
        ("not-utf-8.txt", b"caf\xe9 \xff\xfe broken bytes " * 20, Modality.TEXT, RejectReason.INVALID_TEXT),
        ("bomb.png", _bomb(), Modality.IMAGE, RejectReason.TOO_LARGE),
    )
    for name, content, _, _ in planted:
        (folder / name).write_bytes(content)
    return [Planted(folder / name, modality, reject=reason) for name, _, modality, reason in planted]


def _texts(folder: Path) -> Iterator[Planted]:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in [*_reference(), *_module_docs()]:
        path = folder / f"{name}.txt"
        path.write_text(text, encoding="utf-8")
        yield Planted(path, Modality.TEXT)
    note = folder / Path(WITHDRAWN).name
    note.write_text(f"A note that will be withdrawn. It speaks of a {WITHDRAWN_WORDS} and of nothing else at all.\n")
    yield Planted(note, Modality.TEXT)


def _reference() -> Iterator[tuple[str, str]]:
    from pydoc_data.topics import topics

    seen: set[str] = set()
    for name, text in sorted(topics.items()):
        if len(text) >= MIN_TEXT_CHARACTERS and text not in seen:
            seen.add(text)
            yield f"reference-{name.lower()}", text


def _module_docs() -> Iterator[tuple[str, str]]:
    """Documentation of the standard library's modules, read from their source without importing them."""
    wanted = MODULES
    library = Path(get_path("stdlib"))
    for path in sorted([*library.glob("[a-z]*.py"), *library.glob("[a-z]*/__init__.py")]):
        try:
            doc = ast.get_docstring(ast.parse(path.read_bytes())) or ""
        except (SyntaxError, ValueError):
            continue
        if len(doc) >= MIN_TEXT_CHARACTERS and wanted:
            wanted -= 1
            yield f"module-{path.parent.name if path.stem == '__init__' else path.stem}", doc


def _pictures(folder: Path) -> Iterator[Planted]:
    """Digits with captions."""

    def described(digit: int) -> dict[str, object]:
        caption = f"a photo of the handwritten digit {DIGIT_WORDS[digit]}"
        return {"caption": caption, "licence": "CC BY 4.0", "tags": ["digit"]}

    return (Planted(path, Modality.IMAGE) for path, _ in _digits(folder, range(PICTURES), described))


def _digits(
    folder: Path, numbers: range, described: Callable[[int], dict[str, object]], wanted: range = range(10)
) -> Iterator[tuple[Path, int]]:
    """An ImageFolder: pictures of the wanted digits beside a metadata.jsonl; each path with its digit."""
    from PIL import Image
    from sklearn.datasets import load_digits

    folder.mkdir(parents=True, exist_ok=True)
    known = load_digits()
    rows = []
    for number in numbers:
        path, digit = folder / f"digit-{number:04}.png", int(known.target[number])
        if digit not in wanted:
            continue
        pixels = (known.images[number] * 15.9375).astype("uint8")
        Image.fromarray(pixels).resize((64, 64), Image.Resampling.BICUBIC).save(path)
        rows.append({"file_name": path.name, **described(digit)})
        yield path, digit
    (folder / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def _waiting(folder: Path) -> Iterator[Planted]:
    """A sound and a video: sound of content, but no encoder knows their modality yet."""
    folder.mkdir(parents=True, exist_ok=True)
    sound = folder / "tone.wav"
    with wave.open(str(sound), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(SAMPLE_RATE_HZ)
        samples = (((n * 440 // SAMPLE_RATE_HZ) % 2 * 2 - 1) * 8000 for n in range(SAMPLE_RATE_HZ))
        out.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    yield Planted(sound, Modality.AUDIO, park=True)
    video = folder / "moving-square.mp4"
    _write_video(video)
    yield Planted(video, Modality.VIDEO, park=True)


def _write_video(path: Path) -> None:
    import av
    import numpy as np

    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for step in range(20):
            pixels = np.zeros((64, 64, 3), dtype=np.uint8)
            pixels[20:40, 2 * step : 2 * step + 20] = (250, 180, 40)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())


def _bomb() -> bytes:
    """A valid PNG of more than 100 megapixels in a few kilobytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", BOMB_SIDE_PX, BOMB_SIDE_PX, 1, 0, 0, 0, 0)
    compress = zlib.compressobj(9)
    line = b"\0" * (BOMB_SIDE_PX // 8 + 2)
    pixels = b"".join(compress.compress(line) for _ in range(BOMB_SIDE_PX)) + compress.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
