import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.record import EPOCH_BITS, ORIGIN_OFFSET, ORIGIN_PARTITION, ORIGIN_TOPIC, Origin, Record, TopicPartition


def record(*headers: tuple[str, bytes]) -> Record:
    return Record("millrace.items.raw.v1", 2, 41, b"k", b"value", headers)


def origin_headers(topic: bytes = b"t", partition: bytes = b"1", offset: bytes = b"5") -> tuple[tuple[str, bytes], ...]:
    return (ORIGIN_TOPIC, topic), (ORIGIN_PARTITION, partition), (ORIGIN_OFFSET, offset)


def test_a_record_first_lay_where_it_lies() -> None:
    assert record().origin == Origin("millrace.items.raw.v1", 2, 41)


def test_a_replayed_record_keeps_the_place_where_it_first_lay() -> None:
    assert record(*origin_headers()).origin == Origin("t", 1, 5)


RAW = b"millrace.items.raw.v1"


def test_an_earlier_place_in_the_same_partition_is_believed() -> None:
    assert record(*origin_headers(RAW, b"2", b"5")).first_place == Origin("millrace.items.raw.v1", 2, 5)


@pytest.mark.parametrize(
    "headers",
    [origin_headers(RAW, b"2", b"42"), origin_headers(RAW, b"1", b"5"), origin_headers(b"other", b"2", b"5")],
    ids=["later", "another partition", "another topic"],
)
def test_a_place_from_which_it_cannot_come_is_not_believed(headers: tuple[tuple[str, bytes], ...]) -> None:
    assert record(*headers).first_place == Origin("millrace.items.raw.v1", 2, 41)


@pytest.mark.parametrize(
    "headers",
    [
        origin_headers()[:2],
        origin_headers(topic=b""),
        origin_headers(partition=b"-1"),
        origin_headers(partition=b"2147483648"),
        origin_headers(offset=b""),
        origin_headers(offset=b"5.0"),
        origin_headers(offset="²".encode()),
        origin_headers(offset="٣".encode()),
        origin_headers(offset=b"\xff"),
        origin_headers(offset=str(2**EPOCH_BITS).encode()),
        origin_headers(offset=b"9" * 5000),
    ],
    ids=lambda headers: repr(headers)[-40:],
)
def test_headers_that_name_no_place_in_a_log_are_ignored(headers: tuple[tuple[str, bytes], ...]) -> None:
    assert record(*headers).origin == Origin("millrace.items.raw.v1", 2, 41)


@given(st.lists(st.tuples(st.sampled_from([ORIGIN_TOPIC, ORIGIN_PARTITION, ORIGIN_OFFSET]), st.binary(max_size=8))))
def test_whatever_the_headers_say_the_version_fits(headers: list[tuple[str, bytes]]) -> None:
    assert 0 <= record(*headers).origin.version(log_epoch=2**12 - 1) < 2**52


def test_a_later_offset_is_a_higher_version() -> None:
    assert Origin("t", 0, 5).version() < Origin("t", 0, 6).version()


def test_a_later_epoch_outranks_every_offset_of_an_earlier_one() -> None:
    assert Origin("t", 0, 2**EPOCH_BITS - 1).version(log_epoch=0) < Origin("t", 0, 0).version(log_epoch=1)


def test_the_last_header_of_a_name_counts() -> None:
    assert record(("a", b"1"), ("b", b"2"), ("a", b"3")).header("a") == "3"


def test_a_header_that_is_not_there_is_none() -> None:
    assert record(("a", b"1")).header("b") is None


def test_undecodable_bytes_in_a_header_are_replaced() -> None:
    assert record(("a", b"x\xff")).header("a") == "x\N{REPLACEMENT CHARACTER}"


def test_size_counts_key_value_and_headers() -> None:
    assert record(("name", b"12")).size == 1 + 5 + 6


def test_a_record_knows_its_partition() -> None:
    assert record().topic_partition == TopicPartition("millrace.items.raw.v1", 2)
