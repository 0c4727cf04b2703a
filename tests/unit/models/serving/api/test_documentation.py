"""docs/api.md against the code: what it lists exists, and what exists is listed."""

import re
from pathlib import Path

import pytest

from models.serving.api.config import ApiConfig
from tests.unit.models.serving.api.parts import House

ROOT = Path(__file__).parents[5]
PAGE = (ROOT / "docs" / "api.md").read_text()
CODE = "\n".join(file.read_text() for file in (ROOT / "models" / "serving" / "api").rglob("*.py"))


def test_the_page_lists_every_endpoint_and_no_other(mill: House) -> None:
    described = {
        f"{method.upper()} {path}" for path, methods in mill.app.openapi()["paths"].items() for method in methods
    }
    assert set(re.findall(r"`((?:GET|POST|DELETE) /[^`]*)`", PAGE)) == described


def test_the_page_names_every_problem_that_the_api_has_a_name_for() -> None:
    named = set(re.findall(r'Problem\(\s*\d+,\s*"([a-z-]+)"', CODE))
    assert named
    assert {name for name in named if f"`{name}`" not in PAGE} == set()


@pytest.mark.parametrize("setting", re.findall(r"^\| `(\w+)`", PAGE, re.MULTILINE))
def test_settings_on_the_page_exist(setting: str) -> None:
    assert setting in ApiConfig.model_fields
