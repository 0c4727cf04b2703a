"""`millrace classify` against an API whose model brings heads, and one whose model brings none."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import typer
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

from infra.cli.classify import classify
from infra.settings import flags
from models.heads.bundle import HeadBundle
from models.serving.api.server import ApiServer
from streams.errors import MillraceError
from tests.unit.models.serving.api.test_embeddings import png
from tests.unit.models.serving.api.test_labels import ENCODER, HEADS, mill_of

app = typer.Typer()
app.command()(classify)


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flags, "assignments", [f"data_dir={tmp_path}"])


@contextmanager
def serving(folder: Path, heads: HeadBundle | None) -> Iterator[str]:
    with capture_logs():  # the server logs to this stdout
        server = ApiServer(mill_of(folder, heads).app, "127.0.0.1", 0)
        server.start()
        yield server.url
        server.stop()


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with serving(tmp_path, HeadBundle(ENCODER.version, HEADS)) as url:
        yield url


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["--task", "topic", *words])


def test_texts_and_files_are_classified_a_line_each(url: str, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("the minister lost the vote")
    (tmp_path / "photo.png").write_bytes(png())
    things = ["a late goal in the league", str(tmp_path / "letter.txt"), str(tmp_path / "photo.png")]
    result = run("--url", url, "-k", "1", *things)
    names, first, second, third = (line.split("\t") for line in result.stdout.splitlines())
    assert names == ["input", "label", "probability"]
    assert (first[1], second[1], third[0][-9:]) == ("sport", "news", "photo.png")
    assert result.stderr == f"model {ENCODER.version}, generation 0\n"


def test_json_is_the_answer_of_the_api(url: str) -> None:
    answer = json.loads(run("--url", url, "--json", "a choir").stdout)
    assert (answer["task"], answer["results"][0]["labels"][0]["label"]) == ("topic", "arts")


def test_a_model_without_heads_is_told_with_what_to_do(tmp_path: Path) -> None:
    with serving(tmp_path, None) as url:
        result = run("--url", url, "a choir")
    assert type(result.exception) is MillraceError
    assert "millrace train --recipe head" in str(result.exception)
