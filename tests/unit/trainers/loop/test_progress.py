"""What ranks say is heard whole and once, whatever happens to its writers."""

from pathlib import Path

from trainers.loop.progress import FILE, Follower, Journal, Kind, Line

FIRST, SECOND = Line(kind=Kind.BEGAN, steps=9), Line(kind=Kind.STEP, step=1, steps=9, loss=0.5)


def test_what_is_said_is_heard_once_and_in_order(tmp_path: Path) -> None:
    follower, journal = Follower(tmp_path), Journal(tmp_path)
    assert list(follower.news()) == []
    journal.say(FIRST)
    journal.say(SECOND)
    assert list(follower.news()) == [FIRST, SECOND]
    assert list(follower.news()) == []


def test_who_follows_later_does_not_hear_what_was_said_before(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.say(FIRST)
    follower = Follower(tmp_path)
    journal.say(SECOND)
    assert list(follower.news()) == [SECOND]


def test_half_a_line_of_a_killed_writer_spoils_no_other(tmp_path: Path) -> None:
    follower, journal = Follower(tmp_path), Journal(tmp_path)
    journal.say(FIRST)
    with (tmp_path / FILE).open("a") as file:
        file.write('{"kind":"do')
    journal.say(SECOND)
    assert list(follower.news()) == [FIRST, SECOND]


def test_a_line_that_is_being_written_is_heard_when_it_is_whole(tmp_path: Path) -> None:
    follower = Follower(tmp_path)
    text = SECOND.model_dump_json().encode() + b"\n"
    with (tmp_path / FILE).open("ab", buffering=0) as file:
        file.write(text[:9])
        assert list(follower.news()) == []
        file.write(text[9:])
    assert list(follower.news()) == [SECOND]
