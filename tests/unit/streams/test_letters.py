"""A letter holds the whole record, or says that it could not; each setting aside has a letter of its own."""

import pytest

from streams.codec import Encoded
from streams.errors import BadRecord, Misconfigured
from streams.letters import Letter, read_letter, write_letter
from streams.record import Record
from streams.topics import LETTER_BYTES, RECORD_BYTES

TOPIC = "millrace.items.raw.v1"


def written(record: Record) -> Encoded:
    return write_letter(record, BadRecord("broken", "for a reason"), "curation", "1")


def read(encoded: Encoded) -> Letter:
    return read_letter(Record("millrace.curation.dlq", 0, 0, encoded.key, encoded.value, encoded.headers))


def test_a_letter_gives_back_what_it_was_given() -> None:
    letter = read(written(Record(TOPIC, 2, 41, b"k", b"v", (("h", b"1"), ("h", b"2")))))
    assert (letter.id, letter.key, letter.value, letter.cut) == (f"{TOPIC}/2/41", b"k", b"v", False)
    assert letter.original().headers[:2] == (("h", b"1"), ("h", b"2"))


def test_setting_a_record_aside_twice_gives_one_letter() -> None:
    record = Record(TOPIC, 2, 41, b"k", b"v")
    assert written(record).key == written(record).key


def test_the_tombstone_of_a_replayed_letter_leaves_the_letter_about_its_replay() -> None:
    first = read(written(Record(TOPIC, 2, 41, b"k", b"v")))
    back = first.original()
    again = read(written(Record(TOPIC, 2, 57, back.key, back.value, back.headers)))
    assert again.origin == first.origin
    assert again.tombstone().key != first.tombstone().key


def test_the_largest_record_of_the_loop_is_kept_whole() -> None:
    letter = written(Record(TOPIC, 0, 0, b"k", b"z" * RECORD_BYTES))
    assert not read(letter).cut
    assert letter.size < LETTER_BYTES


def test_a_larger_record_is_cut_and_cannot_be_replayed() -> None:
    encoded = written(Record(TOPIC, 0, 0, b"k" * 2**20, b"z" * 20 * 2**20, (("h", b"1" * 2**20),)))
    assert encoded.size < LETTER_BYTES
    letter = read(encoded)
    assert (letter.cut, letter.reason, letter.headers) == (True, "broken", ())
    with pytest.raises(Misconfigured, match="too large to be replayed"):
        letter.original()


def test_many_small_headers_count_with_their_frames() -> None:
    assert read(written(Record(TOPIC, 0, 0, b"k", b"{}", (("h", b""),) * 200_000))).cut
