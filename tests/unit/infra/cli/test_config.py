"""What `millrace config show` prints."""

import pytest
from pydantic import SecretStr

from infra.cli.config import shown


@pytest.mark.parametrize("value", [None, ""])
def test_what_was_never_set_is_shown_as_unset(value: object) -> None:
    assert shown(value) == "(unset)"


def test_a_secret_is_never_printed() -> None:
    assert shown(SecretStr("open sesame")) == "********"


def test_an_empty_secret_is_shown_as_unset() -> None:
    assert shown(SecretStr("")) == "(unset)"


def test_a_secret_in_a_map_is_never_printed() -> None:
    assert shown({"account_key": SecretStr("open sesame")}) == '{"account_key": "********"}'


def test_each_secret_name_of_a_map_has_its_line() -> None:
    assert shown({SecretStr("a"): "acme", SecretStr("b"): "emca"}) == '{"********": "acme", "********": "emca"}'


def test_a_set_is_shown_in_the_same_order_every_time() -> None:
    assert shown(frozenset({"fr", "de", "en"})) == '["de", "en", "fr"]'
