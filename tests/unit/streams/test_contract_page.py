"""docs/contract.md is a promise: its examples decode, its limits and reasons are the code's."""

import re
import shlex
from itertools import pairwise
from pathlib import Path

import pytest

from schemas.event import Event
from schemas.items import ItemPublished, ItemWithdrawn
from streams import codec
from streams.codec import decode, key_of
from streams.publishing.offer import INLINE_TEXT_BYTES
from streams.record import Record
from streams.topics import RAW, RECORD_BYTES

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "contract.md").read_text(encoding="utf-8")
COMMAND = re.compile(r"```sh\n(kcat -P .*?)<<'JSON'\n(.*?\n)JSON\n```", re.DOTALL)


def examples() -> list[tuple[str, Record]]:
    """The records that the page's commands would write, and the partitioner they name."""
    return [example(command, value) for command, value in COMMAND.findall(PAGE)]


def example(command: str, value: str) -> tuple[str, Record]:
    words = shlex.split(command.replace("\\\n", " "))
    options = [(flag, word) for flag, word in pairwise(words) if flag in {"-t", "-k", "-H", "-X"}]
    single = {flag: word for flag, word in options if flag != "-H"}
    headers = [word.partition("=")[::2] for flag, word in options if flag == "-H"]
    kept = tuple((name, content.encode()) for name, content in headers)
    return single["-X"], Record(single["-t"], 0, 0, single["-k"].encode(), value.encode(), kept)


@pytest.mark.parametrize(("number", "event"), [(0, ItemPublished), (1, ItemWithdrawn)], ids=["publish", "withdraw"])
def test_an_example_is_a_record_that_the_loop_reads(number: int, event: type[Event]) -> None:
    partitioner, record = examples()[number]
    found = decode(record, RAW.events)
    assert type(found) is event
    assert record.key == key_of(found)
    assert record.topic == RAW.full_name("millrace")
    assert partitioner == "partitioner=murmur2_random"


@pytest.mark.parametrize("limit", [RECORD_BYTES, INLINE_TEXT_BYTES, 2**53 - 1])
def test_the_limits_are_the_codes(limit: int) -> None:
    assert f"{limit:,}" in PAGE


def test_every_reason_for_a_dead_letter_is_named() -> None:
    written = set(re.findall(r'BadRecord\(\s*"(\w+)"', Path(codec.__file__).read_text())) - {"not_encodable"}
    assert written == {reason for reason in re.findall(r"`(\w+)`", PAGE) if reason in written}


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\((\.\./[^)]+)\)", PAGE))))
def test_a_link_leads_somewhere(link: str) -> None:
    assert (ROOT / "docs" / link).exists()
