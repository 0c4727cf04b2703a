"""`millrace search` against an API that runs, one that does not, and one that refuses."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import typer
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

from infra.cli.search import search
from infra.settings import flags
from infra.supervisor.ports import free_port
from models.serving.api.server import ApiServer
from models.vector_index.edge import EdgeVectorIndex
from streams.errors import MillraceError, Unavailable
from tests.integration.models.serving.api.edge_house import EdgeHouse

app = typer.Typer()
app.command()(search)


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flags, "assignments", [f"data_dir={tmp_path}"])


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with capture_logs(), closing(EdgeVectorIndex.open(tmp_path / "index")) as index:  # the server logs to this stdout
        mill = EdgeHouse(tmp_path, index)
        mill.hold("proverbs/deep", "still waters run deep")
        mill.hold("proverbs/loud", "empty vessels make most noise")
        server = ApiServer(mill.house.app, "127.0.0.1", 0)
        server.start()
        yield server.url
        server.stop()


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def test_what_is_found_is_printed_a_line_each(url: str) -> None:
    printed = run("deep waters", "--url", url, "-k", "1").stdout.splitlines()
    assert printed[0].split("\t") == ["rank", "score", "id", "modality", "excerpt"]
    assert printed[1].split("\t")[2:] == ["proverbs/deep", "text", "still waters run deep"]
    assert len(printed) == 2


def test_json_is_the_answer_of_the_api(url: str) -> None:
    answer = json.loads(run("deep waters", "--url", url, "--json").stdout)
    assert answer["results"][0]["id"] == "proverbs/deep"
    assert answer["model_version"] == "hashing-384-v1"


@pytest.mark.parametrize("option", ["--source=elsewhere", "--language=fr", "--tag=none", "--modality=image"])
def test_filters_are_passed_on(url: str, option: str) -> None:
    result = run("deep waters", "--url", url, option)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "nothing found\n")


def test_when_nothing_answers_one_sentence_says_what_to_do() -> None:
    result = run("words", "--url", f"http://127.0.0.1:{free_port()}")
    assert isinstance(result.exception, Unavailable)
    assert str(result.exception).endswith("; start it with `make up`")


def test_when_nothing_runs_on_the_data_folder_it_says_so() -> None:
    assert isinstance(run("words").exception, Unavailable)


def test_what_the_api_refuses_is_told_in_its_words(url: str) -> None:
    result = run(" ", "--url", url)
    assert type(result.exception) is MillraceError
    assert "query.text" in str(result.exception)
