import io

from streams.errors import BadRecord
from streams.publishing.offer import Found, Offer
from streams.publishing.sources.columns import Columns
from streams.publishing.sources.folders import Reading
from streams.publishing.sources.standard_input import found_on


def found(content: bytes, columns: Columns | None = None) -> list[Found]:
    return list(found_on(io.BytesIO(content), Reading(columns or Columns())))


def offers(content: bytes, columns: Columns | None = None) -> list[Offer]:
    return [one.what for one in found(content, columns) if isinstance(one.what, Offer)]


def test_plain_lines_are_texts() -> None:
    assert [offer.content for offer in offers(b"one\n\ntwo\r\n")] == [b"one", b"two"]


def test_lines_that_open_with_a_brace_are_json() -> None:
    assert [offer.text for offer in offers(b'{"text": "one"}\n{"text": "two"}\n')] == ["one", "two"]


def test_a_named_column_makes_it_json_whatever_the_first_line() -> None:
    [bad, good] = found(b'oops\n{"body": "two"}\n', Columns(text="body"))
    assert isinstance(bad.what, BadRecord)
    assert (bad.place, bad.what.reason) == ("-:1", "invalid_json")
    assert isinstance(good.what, Offer)


def test_a_line_has_the_same_id_whatever_came_before_it() -> None:
    assert offers(b"a\nb\n")[1].item_id == offers(b"b\n")[0].item_id


def test_an_id_column_names_the_item() -> None:
    assert offers(b'{"id": "x", "text": "one"}')[0].item_id == "x"


def test_a_line_that_is_not_utf8_is_an_item_still() -> None:
    assert offers(b"caf\xe9\n")[0].content == b"caf\xe9"


def test_nothing_on_standard_input_is_no_item() -> None:
    assert found(b"\n\n") == []


def test_items_from_standard_input_say_so() -> None:
    assert offers(b"one\n")[0].source == "stdin"
