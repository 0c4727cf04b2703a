from pathlib import Path

import pytest

from streams.errors import Misconfigured, Unavailable
from streams.publishing.journal import Entry, Journal, Seen

FIRST, SECOND = Entry(b"a" * 32, 1), Entry(b"b" * 32, 2, withdrawn=True)


def test_an_item_that_was_never_sent_has_no_entry(tmp_path: Path) -> None:
    assert Journal.open(tmp_path / "j.sqlite", "log").last("t", "a") is None


def test_an_entry_survives_the_process(tmp_path: Path) -> None:
    Journal.open(tmp_path / "j.sqlite", "log").remember("t", [("a", FIRST)])
    assert Journal.open(tmp_path / "j.sqlite", "log").last("t", "a") == FIRST


def test_a_newer_generation_replaces_an_older_one(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "j.sqlite", "log")
    journal.remember("t", [("a", FIRST), ("a", SECOND)])
    assert journal.last("t", "a") == SECOND


def test_an_older_generation_never_replaces_a_newer_one(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "j.sqlite", "log")
    journal.remember("t", [("a", SECOND)])
    journal.remember("t", [("a", FIRST)])
    assert journal.last("t", "a") == SECOND


def test_tenants_do_not_share_entries(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "j.sqlite", "log")
    journal.remember("t", [("a", FIRST)])
    assert journal.last("u", "a") is None


def test_logs_do_not_share_entries(tmp_path: Path) -> None:
    Journal.open(tmp_path / "j.sqlite", "log").remember("t", [("a", FIRST)])
    assert Journal.open(tmp_path / "j.sqlite", "other log").last("t", "a") is None


def test_two_processes_may_use_one_journal(tmp_path: Path) -> None:
    one, other = Journal.open(tmp_path / "j.sqlite", "log"), Journal.open(tmp_path / "j.sqlite", "log")
    one.remember("t", [("a", FIRST)])
    other.remember("t", [("b", FIRST)])
    assert (one.last("t", "b"), other.last("t", "a")) == (FIRST, FIRST)


def test_a_file_that_is_no_journal_is_misconfigured(tmp_path: Path) -> None:
    (tmp_path / "j.sqlite").write_bytes(b"something else entirely" * 100)
    with pytest.raises(Misconfigured, match=r"j\.sqlite"):
        Journal.open(tmp_path / "j.sqlite", "log")


def test_a_journal_that_fails_is_unavailable(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "j.sqlite", "log")
    journal.close()
    with pytest.raises(Unavailable, match="journal"):
        journal.last("t", "a")


def test_what_was_seen_is_known_with_its_digest() -> None:
    seen = Seen()
    seen.note("a", b"1")
    assert (seen.before("a"), seen.before("b")) == (b"1", None)
