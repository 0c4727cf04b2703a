import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from annotation.account.config import AccountConfig
from annotation.account.drawing_up import as_json
from annotation.account.saved import labels_saved
from annotation.quality.config import QualityConfig
from annotation.quality.gold import gold_request
from annotation.selection.store import candidates
from annotation.tasks import TaskConfig
from infra.cli.labels import app
from infra.migrations.run import migrate
from infra.settings import flags
from models.labels.accounts import Account, Accounts, Judgement, Verdict
from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from schemas.annotations import Purpose, Shown
from streams.errors import MillraceError, Misconfigured
from tests.unit.annotation.account.invented import gifted
from tests.unit.annotation.quality.spoken import LABELS, Mill, completed
from tests.unit.annotation.selection.scores import scored

TASK = {"name": "topic", "tenant": "acme", "labels": list(LABELS), "annotators": 2}


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation with one task, in which nothing has run yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(flags, "assignments", [f"data_dir={tmp_path}", f"labelling.tasks={json.dumps([TASK])}"])
    return tmp_path


@pytest.fixture
def mill(data_dir: Path) -> Iterator[Mill]:
    """The same with a database and a consensus stage."""
    engine = open_engine(MetadataConfig().resolved(data_dir))
    migrate(engine)
    yield Mill(engine, TaskConfig.model_validate(TASK), config=QualityConfig())
    engine.dispose()


@pytest.fixture
def labelled(mill: Mill) -> Mill:
    """Ann and Bob agree on two of three items; Ann is measured by a gold item."""
    for item, ann, bob in (("a", "arts", "arts"), ("b", "sport", "sport"), ("c", "news", "arts")):
        mill.told(completed(item, "ann", ann, lead_time_s=4.0), completed(item, "bob", bob))
    run("gold", "add", "topic", "g", "--label", "arts")
    mill.told(completed("g", "ann", "news", purpose=Purpose.GOLD.value), completed("d", "bob", None))
    mill.tick()
    return mill


def run(*words: str) -> Result:
    return CliRunner().invoke(app, words, catch_exceptions=False)


def test_where_nothing_has_run_the_report_says_how_to_start(data_dir: Path) -> None:
    with pytest.raises(MillraceError, match="millrace up"):
        run("report")
    assert list(data_dir.iterdir()) == []


def test_a_task_that_is_not_configured_is_refused_with_those_that_are(mill: Mill) -> None:
    with pytest.raises(Misconfigured, match=r"there is no task tone; labelling\.tasks has topic"):
        run("report", "--task", "tone")


def test_the_report_counts_what_people_did(labelled: Mill) -> None:
    [report] = json.loads(run("report", "--json").output)
    assert (report["items"], report["answers"], report["skips"], report["labels"]) == (5, 7, 1, 2)
    assert (report["unsettled"], report["adjudicated"]) == ({"disagreement": 1}, 1)
    ann = report["annotators"][0]
    assert (ann["annotator"], ann["gold_asked"], ann["gold_accuracy"], ann["median_s"]) == ("ann", 1, 0.0, 4.0)
    assert (ann["peers_agreed"], ann["peers_met"]) == (2, 3)


def test_the_report_measures_agreement_beyond_chance(labelled: Mill) -> None:
    """Of three items two agree; by chance 2/9 + 1/9 + 0 would, so kappa is (2/3 - 1/3) / (1 - 1/3)."""
    [report] = json.loads(run("report", "--json").output)
    assert report["agreement"] == pytest.approx(2 / 3)
    assert [one["kappa"] for one in report["annotators"]] == [pytest.approx(0.5)] * 2


def test_the_report_is_a_table_for_people(labelled: Mill) -> None:
    shown = run("report").output
    assert "topic: 7 answers and 1 skips to 5 items, 2 labels, without label: 1 disagreement" in shown
    assert "0/1" in shown


def test_gold_is_listed_as_it_was_added(labelled: Mill) -> None:
    assert json.loads(run("gold", "list", "topic", "--json").output)[0]["item_id"] == "g"
    assert 'g\t{"choices":["arts"]}' in run("gold", "list", "topic").output


def test_a_dry_addition_of_gold_adds_nothing(mill: Mill) -> None:
    assert (
        run("gold", "add", "topic", "g", "--label", "arts", "--dry-run").output == "would add 1 gold items to topic\n"
    )
    assert json.loads(run("gold", "list", "topic", "--json").output) == []


def test_gold_that_is_no_answer_is_refused(mill: Mill) -> None:
    with pytest.raises(Misconfigured, match="that is no answer to task topic"):
        run("gold", "add", "topic", "g", "--label", "weather")


def test_gold_wants_one_form_of_the_right_answer(mill: Mill) -> None:
    with pytest.raises(Misconfigured, match="--label or with --result"):
        run("gold", "add", "topic", "g")


def test_gold_can_be_a_result_from_a_file(mill: Mill, tmp_path: Path) -> None:
    file = tmp_path / "right.json"
    file.write_text(json.dumps(completed("g", "ann", "arts").model_dump(mode="json")["result"]))
    run("gold", "add", "topic", "g", "--result", str(file))
    assert len(json.loads(run("gold", "list", "topic", "--json").output)) == 1


def test_gold_is_asked_about_where_it_is_known_what_to_show(labelled: Mill) -> None:
    run("gold", "add", "topic", "never-scored", "--label", "arts")
    with labelled.engine.begin() as connection:
        candidates.write(connection, [scored("g").model_copy(update={"tenant": "acme"})])
    said = run("gold", "ask", "topic", "--dry-run").output
    assert "would send 1 gold items of topic" in said
    assert "1 have not been scored for this task, such as never-scored" in said


def test_gold_asked_about_again_is_the_same_request() -> None:
    task, shown = TaskConfig.model_validate(TASK), Shown(text="words")
    first, again = (gold_request(task, "g", 7, "mini-1", shown, 2) for _ in range(2))
    assert first.event_id == again.event_id != gold_request(task, "g", 7, "mini-1", shown, 3).event_id
    assert (first.purpose, first.annotators, first.text) == ("gold", 2, "words")


def test_removed_gold_is_gone(labelled: Mill) -> None:
    assert run("gold", "remove", "topic", "g", "other", "--dry-run").output == "would remove 1 gold items from topic\n"
    assert run("gold", "remove", "topic", "g", "other").output == "removed 1 gold items from topic\n"
    assert json.loads(run("gold", "list", "topic", "--json").output) == []


def test_labels_are_exported_one_a_line(labelled: Mill, tmp_path: Path) -> None:
    run("export", "topic", "--output", str(tmp_path / "labels.jsonl"))
    lines = [json.loads(line) for line in (tmp_path / "labels.jsonl").read_text().splitlines()]
    assert [(line["item_id"], line["labels"], line["arm"]) for line in lines] == [
        ("a", ["arts"], "active"),
        ("b", ["sport"], "active"),
    ]


def test_before_the_first_account_there_is_nothing_to_show(mill: Mill) -> None:
    assert "no account has been drawn up yet" in run("saved").output
    with pytest.raises(MillraceError, match="no account to draw"):
        run("saved", "--plot", "saved.png")


def test_an_account_is_shown_in_words_as_json_and_as_a_picture(mill: Mill, tmp_path: Path) -> None:
    account = labels_saved(gifted(), AccountConfig(resamples=20, points=3, folds=2, min_labels=30))
    kept = Account("acme", "topic", "mini-1", "graph-herding", as_json(account), 9, 1000)
    verdict = Verdict("acme", "topic", "mini-1", "graph-herding", Judgement.GAIN, 0.5, 0.2, 0.7, 60, 60, 1000)
    Accounts(mill.engine).keep(kept, verdict)
    assert "by graph-herding: saves" in run("saved").output
    [row] = json.loads(run("saved", "--json").output)
    assert (row["task"], row["verdict"], row["strategy"]) == ("topic", "gain", "graph-herding")
    run("saved", "--plot", str(tmp_path / "saved.png"))
    assert (tmp_path / "saved.png").read_bytes().startswith(b"\x89PNG")
