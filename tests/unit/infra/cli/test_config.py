"""What `millrace config show` prints."""

import json

import pytest
from pydantic import SecretStr

from annotation.tasks import TaskConfig
from infra.cli.config import leaves, shown
from infra.settings import Settings


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


def test_a_list_keeps_its_order() -> None:
    assert shown(("withdrawal", "drift")) == '["withdrawal", "drift"]'


def test_a_list_of_whole_sections_is_shown_as_the_environment_takes_it() -> None:
    task = TaskConfig(name="topic", labels=("sport", "art"))
    settings = Settings.model_validate({"labelling": {"tasks": [task]}})
    [tasks] = [shown(value) for path, value in leaves(settings) if path == "labelling.tasks"]
    assert [TaskConfig.model_validate(one) for one in json.loads(tasks)] == [task]
