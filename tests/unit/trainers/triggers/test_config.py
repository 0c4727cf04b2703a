"""What triggers may ask for."""

from typing import Any

import pytest
from pydantic import ValidationError

from infra.settings import load_settings
from streams.errors import Misconfigured
from trainers.triggers.config import TriggersConfig


def test_what_a_recipe_has_may_be_asked_for() -> None:
    assert TriggersConfig(recipe="smoke", overrides={"steps": 3}).overrides == {"steps": 3}


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ({"recipe": "no-such"}, "no-such"),
        ({"overrides": {"stepz": 3}}, "stepz"),
        ({"overrides": {"steps": 0}}, "steps"),
    ],
)
def test_what_could_only_fail_when_a_trigger_fires_is_refused_at_the_start(said: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        TriggersConfig(**said)


def test_settings_are_refused_in_our_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLRACE__TRIGGERS__RECIPE", "no-such")
    with pytest.raises(Misconfigured, match="settings: triggers: there is no recipe 'no-such'"):
        load_settings()
