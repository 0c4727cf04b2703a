"""Pictures: what passes, and what is refused before it costs anything."""

import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.curation.config import CurationConfig
from consumers.curation.content.images import examine_image
from consumers.curation.content.media_types import Medium
from consumers.curation.content.objections import Objection
from schemas.items import RejectReason
from tests.unit.consumers.curation.builders import DAMAGE, damaged, flipped, picture, png_header, png_with_swelling_text

pytestmark = pytest.mark.filterwarnings("ignore:::PIL")
FORMS = ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"]


def examined(content: bytes, form: str = "PNG", **bounds: Any) -> Medium | Objection:
    return examine_image(content, f"image/{form.lower()}", CurationConfig(**bounds))


def refused(result: Medium | Objection) -> RejectReason:
    assert isinstance(result, Objection)
    return result.reason


@pytest.mark.parametrize("form", FORMS)
def test_a_picture_that_decodes_shows_its_facts(form: str) -> None:
    result = examined(picture(form), form)
    assert isinstance(result, Medium)
    facts = result.facts
    assert (facts.width_px, facts.height_px, facts.frames, facts.codec) == (32, 24, 1, form.lower())


@pytest.mark.parametrize("form", ["PNG", "WEBP", "GIF", "TIFF"])
def test_frames_of_an_animation_are_counted(form: str) -> None:
    result = examined(picture(form, frames=5), form)
    assert isinstance(result, Medium)
    assert result.facts.frames == 5


@pytest.mark.parametrize("form", ["PNG", "WEBP", "GIF", "TIFF"])
def test_too_many_frames_are_too_long(form: str) -> None:
    assert refused(examined(picture(form, frames=12), form, max_image_frames=10)) == RejectReason.TOO_LONG


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_truncated_picture_is_unreadable(form: str, share: float) -> None:
    content = picture(form)
    assert refused(examined(content[: int(len(content) * share)], form)) == RejectReason.UNREADABLE


def test_a_flipped_bit_in_a_png_is_unreadable() -> None:
    assert refused(examined(flipped(picture()))) == RejectReason.UNREADABLE


@pytest.mark.parametrize("form", FORMS)
def test_a_signature_with_rubbish_behind_it_is_unreadable(form: str) -> None:
    assert refused(examined(picture(form)[:14] + b"\xa5" * 500, form)) == RejectReason.UNREADABLE


@pytest.mark.parametrize(("width", "height"), [(10_000, 10_000), (15_000, 12_000), (60_000, 60_000)])
def test_a_bomb_is_too_large_before_it_is_decoded(width: int, height: int) -> None:
    tracemalloc.start()
    result = examined(png_header(width, height))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert result == Objection(RejectReason.TOO_LARGE, f"{width * height} pixels", "50000000 pixels")
    assert peak < 2**20


def test_a_long_strip_is_too_large() -> None:
    assert refused(examined(png_header(40_000, 8))) == RejectReason.TOO_LARGE


def test_a_shorter_side_below_the_bound_is_too_small() -> None:
    assert examined(picture(size=(200, 7))) == Objection(RejectReason.TOO_SMALL, "7 px", "8 px")


def test_text_that_swells_when_unpacked_is_unreadable() -> None:
    assert refused(examined(png_with_swelling_text())) == RejectReason.UNREADABLE


def test_thousands_of_scans_are_refused_undecoded() -> None:
    content = picture("JPEG", progressive=True)
    start = content.index(b"\xff\xda")
    assert refused(examined(content[:start] + content[start:-2] * 200, "JPEG")) == RejectReason.UNREADABLE


@given(st.sampled_from(FORMS), DAMAGE)
def test_no_damage_is_too_much_for_a_verdict(form: str, damage: list[tuple[int, bytes]]) -> None:
    assert isinstance(examined(damaged(picture(form), damage), form), Medium | Objection)
