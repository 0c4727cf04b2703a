"""Where a replay begins."""

import pytest
from confluent_kafka import OFFSET_BEGINNING, OFFSET_END

from streams.kafka.consumer import not_ahead


@pytest.mark.parametrize(
    ("wanted", "read", "begins"),
    [
        (3, 10, 3),
        (12, 10, 10),
        (OFFSET_END, 10, 10),  # nothing is as new as the moment that was asked for
        (OFFSET_BEGINNING, 10, 10),
        (3, -1001, OFFSET_BEGINNING),  # nothing was read so far
    ],
)
def test_a_replay_goes_back_and_never_skips_what_was_not_read(wanted: int, read: int, begins: int) -> None:
    assert not_ahead(wanted, read) == begins
