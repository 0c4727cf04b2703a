"""`millrace classify`: which classes of a task texts and files belong to, as the running API sees them."""

from base64 import b64encode
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic_core import to_json

from infra.cli.asking import Found, ask, key_of, plain, print_table
from infra.cli.where import api_url
from infra.settings import load_settings
from streams.errors import Misconfigured

PATH = "/v1/inference/labels"
MAX_INPUTS = 64
"""As many as the API takes at once."""
MAX_CHARACTERS = 20_000
"""Of a text; a head reads its beginning."""
SHOWN_CHARACTERS = 60
ID_CHARACTERS = 512


def classify(
    things: Annotated[list[str], typer.Argument(metavar="TEXT|FILE...", help="Texts in quotes, or files.")],
    *,
    task: Annotated[str, typer.Option(help="Name of a class task that annotators answer.")],
    top_k: Annotated[int, typer.Option("--top-k", "-k", min=1, max=1000, help="Classes wanted of each.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="Print the API's answer.")] = False,
    url: Annotated[str | None, typer.Option(help="Address of the API; else that of the installation here.")] = None,
) -> None:
    """Say which classes texts and pictures belong to, by what your labels have taught."""
    if len(things) > MAX_INPUTS:
        raise Misconfigured(f"{len(things)} texts and files were named; {MAX_INPUTS} are taken at once")
    settings = load_settings()
    request = {"task": task, "top_k": top_k, "inputs": [input_of(thing) for thing in things]}
    found = ask(url or api_url(settings), PATH, request, key_of(settings))
    typer.echo(to_json(found, indent=2).decode()) if as_json else show(found, things)


def input_of(thing: str) -> dict[str, Any]:
    """A file as what is in it, everything else as a text. Raises Misconfigured for what can be neither."""
    if (path := _file(thing)) is None:
        return {"text": _text(thing, thing)}
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Misconfigured(f"{path} cannot be read: {error.strerror or error}") from error
    name = {"id": thing[:ID_CHARACTERS]}
    try:
        return name | {"text": _text(content.decode(), thing)}
    except UnicodeDecodeError:
        return name | {"modality": "image", "image_base64": b64encode(content).decode()}


def show(found: Found, things: list[str]) -> None:
    """A row for each class of each input; on standard error, who says so."""
    rows = [
        [_short(thing), plain(one["label"]), f"{one['probability']:.3f}"]
        for thing, result in zip(things, found["results"], strict=True)
        for one in result["labels"]
    ]
    print_table(["input", "label", "probability"], rows)
    typer.echo(f"model {found['model']}, generation {found['generation']}", err=True)


def _file(thing: str) -> Path | None:
    """The file of this name, if there is one."""
    try:
        return Path(thing) if Path(thing).is_file() else None
    except (OSError, ValueError):  # no name that a file could have, such as a long text
        return None


def _text(text: str, name: str) -> str:
    if not text.strip():
        raise Misconfigured(f"{plain(name)!r} has no words in it")
    return text[:MAX_CHARACTERS]


def _short(thing: str) -> str:
    """One line: of a text the beginning, of a file the end of its name."""
    line = " ".join(plain(thing).split())
    if len(line) <= SHOWN_CHARACTERS:
        return line
    most = SHOWN_CHARACTERS - 1
    return f"…{line[-most:]}" if _file(thing) else f"{line[:most]}…"
