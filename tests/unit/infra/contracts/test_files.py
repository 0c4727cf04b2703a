import json
from pathlib import Path
from typing import Any

import pytest

from infra.contracts.__main__ import main
from infra.contracts.files import FOLDER, ROOT, contract, differences, released, write
from schemas.event import Event
from tests.unit.infra.contracts.things import thing

FIRST = thing(size=(int, ...))
GROWN = thing(size=(int, ...), colour=(str, ""))
BROKEN = thing(size=(str, ...))


def publish(root: Path, event: type[Event]) -> list[str]:
    return write(root, contract(root, [event]))


def versions(root: Path, event: type[Event] = FIRST) -> list[dict[str, Any]]:
    return released(root, event)


def test_the_checked_in_contract_is_what_the_code_says() -> None:
    wanted = contract()
    assert not wanted.breaking, "make the change compatible, or raise the event's `major`"
    assert not differences(ROOT, wanted), "run: python -m infra.contracts"


def test_history_is_numbered_without_gaps() -> None:
    for folder in (ROOT / FOLDER / "history").iterdir():
        names = sorted(path.name for path in folder.iterdir())
        assert names == [f"{number:04d}.json" for number in range(1, len(names) + 1)], folder.name


def test_a_first_event_gets_a_schema_and_a_first_version(tmp_path: Path) -> None:
    assert publish(tmp_path, FIRST) == ["asyncapi.json", "history/Thing/0001.json", "json_schema/Thing.v1.json"]


def test_writing_twice_changes_nothing(tmp_path: Path) -> None:
    publish(tmp_path, FIRST)
    assert publish(tmp_path, FIRST) == []


def test_a_compatible_change_adds_a_version_and_keeps_the_old_one(tmp_path: Path) -> None:
    publish(tmp_path, FIRST)
    assert publish(tmp_path, GROWN) == ["history/Thing/0002.json", "json_schema/Thing.v1.json"]
    assert ["colour" in version["properties"] for version in versions(tmp_path)] == [False, True]


def test_new_words_change_the_schema_and_add_no_version(tmp_path: Path) -> None:
    publish(tmp_path, FIRST)
    reworded = thing(size=(int, ...))
    reworded.__doc__ = "Other words."
    reworded.model_rebuild(force=True)
    assert publish(tmp_path, reworded) == ["json_schema/Thing.v1.json"]


def test_going_back_to_an_earlier_version_adds_none(tmp_path: Path) -> None:
    publish(tmp_path, FIRST)
    publish(tmp_path, GROWN)
    assert publish(tmp_path, FIRST) == ["json_schema/Thing.v1.json"]
    assert len(versions(tmp_path)) == 2


def test_a_breaking_change_names_the_version_it_breaks(tmp_path: Path) -> None:
    publish(tmp_path, FIRST)
    assert "Thing, against version 1: body.size" in contract(tmp_path, [BROKEN]).breaking[0]


def test_a_change_is_compared_with_all_versions_and_not_only_the_last(tmp_path: Path) -> None:
    publish(tmp_path, thing(size=(int, 0)))
    publish(tmp_path, thing())
    [change] = contract(tmp_path, [thing(size=(str, ""))]).breaking[:1]
    assert change.startswith("Thing, against version 1: ")


def test_a_raised_major_starts_anew_and_keeps_the_history(tmp_path: Path) -> None:
    publish(tmp_path, FIRST)
    second = thing(major=2, size=(str, ...))
    assert contract(tmp_path, [second]).breaking == ()
    assert publish(tmp_path, second) == [
        "history/Thing/0002.json",
        "json_schema/Thing.v1.json",
        "json_schema/Thing.v2.json",
    ]
    assert [version["$id"] for version in versions(tmp_path)] == ["urn:millrace:Thing:v1", "urn:millrace:Thing:v2"]


def test_after_a_raised_major_changes_are_compared_within_it(tmp_path: Path) -> None:
    publish(tmp_path, FIRST)
    publish(tmp_path, thing(major=2, size=(str, ...)))
    breaking = contract(tmp_path, [thing(major=2, size=(int, ...))]).breaking
    assert breaking
    assert all("against version 2" in change for change in breaking)


def test_a_schema_that_no_event_has_is_removed(tmp_path: Path) -> None:
    publish(tmp_path, FIRST)
    stray = tmp_path / FOLDER / "json_schema" / "Gone.v1.json"
    stray.write_text("{}")
    publish(tmp_path, FIRST)
    assert not stray.exists()


# -- the command


def test_check_says_what_to_run_and_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check", "--root", str(tmp_path)]) == 1
    assert "Run: python -m infra.contracts" in capsys.readouterr().out
    assert not (tmp_path / FOLDER).exists()


def test_what_was_written_passes_the_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", str(tmp_path)]) == 0
    assert "wrote schemas/contracts/asyncapi.json" in capsys.readouterr().out
    assert main(["--check", "--root", str(tmp_path)]) == 0


@pytest.mark.parametrize("arguments", [[], ["--check"]], ids=["write", "check"])
def test_a_breaking_change_is_refused_and_nothing_is_written(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--root", str(tmp_path)])
    version = tmp_path / FOLDER / "history" / "ItemPublished" / "0001.json"
    old = json.loads(version.read_bytes())
    old["properties"]["text"] = {"type": "integer"}
    version.write_text(json.dumps(old))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.json")}
    assert main([*arguments, "--root", str(tmp_path)]) == 1
    assert "raise the event's `major`" in capsys.readouterr().out
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.json")} == before
