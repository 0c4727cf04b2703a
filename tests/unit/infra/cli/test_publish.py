"""The command as a person types it, up to where a broker would be asked."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from infra.cli.publish import publish, withdraw
from streams.errors import Misconfigured

app = typer.Typer()
app.command("publish")(publish)
app.command("withdraw")(withdraw)


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(app, list(words), input=stdin)


def test_a_dry_run_counts_what_would_be_published(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    result = run("publish", "a.txt", "--dry-run")
    assert (result.exit_code, result.stdout) == (0, "would publish 1 item (1 text), 0 unchanged\n")


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    run("publish", "a.txt", "--dry-run")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_refusals_are_shown_by_reason_with_their_lines_and_end_in_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"text": "a"}\n{"text": NaN}\n')
    result = run("publish", "t.jsonl", "--dry-run")
    assert result.exit_code == 1
    assert "would publish 1 item (1 text)" in result.stdout
    assert "refused 1 item: invalid_json" in result.stdout
    assert "t.jsonl:2: " in result.stdout


def test_the_summary_is_there_as_json(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"text": "a"}\n{\n')
    summary = json.loads(run("publish", "t.jsonl", "--dry-run", "--json").stdout)
    assert (summary["published"], summary["by_modality"], summary["refused"]) == (1, {"text": 1}, {"invalid_json": 1})
    assert summary["refusals"][0]["place"].endswith("t.jsonl:2")


def test_standard_input_is_a_dash() -> None:
    assert run("publish", "-", "--dry-run", stdin="one\ntwo\n").stdout.startswith("would publish 2 items")


def test_standard_input_stands_alone() -> None:
    assert isinstance(run("publish", "-", "a.txt", "--dry-run").exception, Misconfigured)


def test_columns_are_named_by_options(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("key,body\n1,words\n")
    result = run("publish", "t.csv", "--text-field", "body", "--id-field", "key", "--dry-run")
    assert result.exit_code == 0


def test_nothing_to_publish_is_refused() -> None:
    assert isinstance(run("publish").exception, Misconfigured)


def test_a_missing_path_is_named(tmp_path: Path) -> None:
    result = run("publish", "none", "--dry-run")
    assert str(result.exception) == "there is no file or folder none"


def test_withdrawing_may_be_tried_out() -> None:
    assert run("withdraw", "a", "b", "--dry-run").stdout == "would withdraw 2 items (delete)\n"


def test_withdrawing_tells_its_mode_as_json() -> None:
    assert json.loads(run("withdraw", "a", "--erase", "--dry-run", "--json").stdout) == {
        "withdrawn": ["a"],
        "mode": "erase",
        "dry_run": True,
    }
