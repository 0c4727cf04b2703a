"""How far back a poll looks."""

from datetime import UTC, datetime, timedelta

from annotation.label_studio.answers.horizon import EPOCH, Horizon

T0 = datetime(2026, 3, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def test_the_first_poll_reads_everything() -> None:
    assert Horizon(None, 5.0).since == EPOCH


def test_a_stamp_is_passed_only_when_the_overlap_has_gone_by() -> None:
    horizon = Horizon(T0, 5.0)
    horizon.saw(at(1), 100.0)
    assert not horizon.advance(104.9)
    assert horizon.since == T0
    assert horizon.advance(105.0)
    assert horizon.since == at(1)


def test_after_a_quiet_time_only_the_last_stamp_is_read_again() -> None:
    horizon = Horizon(T0, 5.0)
    for second in range(10):
        horizon.saw(at(second), 100.0 + second)
    horizon.advance(200.0)
    assert horizon.since == at(9)


def test_a_stamp_seen_again_does_not_begin_anew() -> None:
    horizon = Horizon(T0, 5.0)
    for poll in range(100):
        horizon.saw(at(1), 100.0 + poll)
    assert horizon.advance(105.0)


def test_the_horizon_never_goes_back() -> None:
    horizon = Horizon(at(9), 5.0)
    horizon.saw(at(3), 100.0)
    assert not horizon.advance(200.0)
    assert horizon.since == at(9)
