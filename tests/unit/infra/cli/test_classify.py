"""What `millrace classify` sends of its words and files, and what it prints."""

from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from infra.cli.classify import classify, input_of, show
from streams.errors import Misconfigured

app = typer.Typer()
app.command()(classify)


def answer(*labels: tuple[str, float]) -> dict[str, Any]:
    said = [{"label": label, "probability": probability} for label, probability in labels]
    return {"model": "heads-1", "generation": 3, "results": [{"id": "0", "labels": said}]}


def test_words_are_a_text() -> None:
    assert input_of("still waters run deep") == {"text": "still waters run deep"}


def test_a_file_of_words_is_what_it_says(tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("Grüße")
    assert input_of(str(file)) == {"id": str(file), "text": "Grüße"}


def test_another_file_is_a_picture(tmp_path: Path) -> None:
    file = tmp_path / "photo.png"
    file.write_bytes(b"\x89PNG\r\n\x1a\n\xff")
    found = input_of(str(file))
    assert (found["modality"], b64decode(found["image_base64"])) == ("image", file.read_bytes())


@pytest.mark.parametrize("thing", ["", "  ", "x" * 5000, "a\0b", "no/such/file.txt"])
def test_what_is_no_file_is_a_text_or_refused(thing: str) -> None:
    if thing.strip():
        assert input_of(thing) == {"text": thing}
    else:
        with pytest.raises(Misconfigured, match="has no words"):
            input_of(thing)


def test_an_empty_file_is_refused_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").touch()
    with pytest.raises(Misconfigured, match=r"empty\.txt"):
        input_of(str(tmp_path / "empty.txt"))


def test_a_long_text_is_sent_as_far_as_the_api_takes_it() -> None:
    assert len(input_of("word " * 10_000)["text"]) == 20_000


def test_a_class_is_a_row_and_who_says_so_stands_aside(capsys: pytest.CaptureFixture[str]) -> None:
    show(answer(("news", 0.91), ("arts", 0.0601)), ["the minister"])
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        "input\tlabel\tprobability",
        "the minister\tnews\t0.910",
        "the minister\tarts\t0.060",
    ]
    assert printed.err == "model heads-1, generation 3\n"


def test_of_a_long_text_the_beginning_is_shown_and_of_a_file_the_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / f"{'long' * 20}.txt"
    file.touch()
    for thing in ("many\nwords " * 20, str(file)):
        show(answer(("news", 1.0)), [thing])
    rows = [line.split("\t")[0] for line in capsys.readouterr().out.splitlines()[1::2]]
    assert [len(row) for row in rows] == [60, 60]
    assert rows[0].startswith("many words many")
    assert rows[1].endswith("long.txt")


def test_nothing_that_steers_a_terminal_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    show(answer(("\x1b[31mred", 1.0)), ["\x1b[2J"])
    assert "\x1b" not in capsys.readouterr().out


def test_more_than_the_api_takes_is_refused_before_anything_is_sent() -> None:
    result = CliRunner().invoke(app, ["--task", "topic", *["a text"] * 65])
    assert isinstance(result.exception, Misconfigured)
    assert "64 are taken at once" in str(result.exception)
