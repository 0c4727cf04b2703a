"""The whole loop as a user starts it: `millrace demo` in a folder of its own, and nothing left behind."""

import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from infra.demo.report import Report

DEMO_S = 880
pytestmark = pytest.mark.timeout(900)  # where Label Studio has to be installed first


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("loop")


@pytest.fixture(scope="module")
def report(folder: Path) -> Report:
    command = [sys.executable, "-m", "infra.cli.main", "--data-dir", str(folder), "demo"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEMO_S, check=False)
    logs = "\n".join(log.read_text()[-2000:] for log in folder.glob("demo/logs/*.log"))
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}\n{logs}"
    return Report.model_validate(json.loads((folder / "demo" / "report.json").read_text()))


def test_everything_that_was_published_is_accounted_for(report: Report) -> None:
    published = sum(report.published.values())
    assert published == report.curated + sum(report.rejected.values())
    assert report.curated == report.indexed + report.parked - 1  # one parked record is of a future version


def test_every_planted_trouble_has_its_own_outcome(report: Report) -> None:
    assert report.rejected == {
        "exact_duplicate": 2,
        "unreadable": 1,
        "empty": 1,
        "type_mismatch": 1,
        "invalid_text": 1,
        "too_large": 1,
    }
    assert report.dead_letters == 2


def test_every_search_finds_what_it_should(report: Report) -> None:
    assert [one.query for one in report.searches if one.rank is None or one.rank > 10] == []


def test_a_withdrawn_item_is_gone_and_a_second_publishing_sends_nothing(report: Report) -> None:
    assert (report.withdrawn, report.withdrawn_item_found, report.republished) == (1, False, 0)


def test_every_answer_of_the_annotators_came_back_once_and_labels_are_nearly_as_good_as_the_truth(
    report: Report,
) -> None:
    labels = report.labels
    assert labels.answered == labels.given > 0
    assert set(labels.by_arm) == {"active", "random"}
    assert sum(labels.by_arm.values()) == labels.settled
    assert labels.accuracy is not None
    assert labels.accuracy >= 1 - 3 * labels.error_rate


def test_the_account_of_labels_saved_says_what_it_knows(report: Report) -> None:
    saved = report.labels_saved
    assert saved.verdict in {"gain", "no_gain", "behind", "not_enough_labels"}
    if saved.share is not None:
        assert saved.low is not None
        assert saved.high is not None
        assert saved.low <= saved.share <= saved.high


def test_searches_and_clicks_left_signals(report: Report) -> None:
    assert report.signals > 0


def test_two_turns_each_make_the_live_model_better_on_what_never_trains(report: Report) -> None:
    assert [turn.generation for turn in report.turns] == [1, 2]
    for turn in report.turns:
        assert turn.cause == "labels"
        assert 0 < turn.low <= turn.after - turn.before <= turn.high
        assert set(turn.labels) == {"active", "random"}
        assert turn.seconds["total"] == pytest.approx(sum(turn.seconds.values()) - turn.seconds["total"], abs=0.5)


def test_a_degraded_model_is_refused_and_forced_through_it_is_sent_back(report: Report) -> None:
    assert not report.refused.passed
    assert report.refused.after < report.refused.before
    back = report.rolled_back
    assert (back.generation, back.back_generation) == (3, 4)
    assert back.reason


def test_of_thousands_of_searches_none_failed_and_none_mixed_two_models(report: Report, folder: Path) -> None:
    traffic = report.switch_traffic
    assert traffic.searches >= 1000
    assert (traffic.failed, traffic.mixed) == (0, 0)
    assert len(traffic.by_model) >= 3
    page = (folder / "demo" / "report.html").read_text()
    assert page.count("<svg") == 2


def test_no_process_is_left_behind(report: Report, folder: Path) -> None:
    assert report.seconds.total > 0
    left = [one.pid for one in psutil.process_iter(["cmdline"]) if str(folder) in " ".join(one.info["cmdline"] or [])]
    assert left == []
