from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from models.vector_index.plan import Write
from models.vector_index.points import EXCERPT_CHARACTERS, Reach, conditions, payloads, point_id, space_of
from models.vector_index.port import Entry
from schemas.items import Modality
from schemas.searches import SearchFilters
from tests.contract.vector_index import content, part, texts

FILE_NAME_CHARACTERS = 100


def test_point_ids_are_a_promise_to_stored_indexes() -> None:
    assert point_id("default", "mill", 0) == "fdf0b692-aafb-593e-a62c-3697c9a6d0ca"


@given(st.text(), st.integers(0, 10_000))
def test_a_point_id_is_a_uuid_of_version_5(item_id: str, part: int) -> None:
    assert (UUID(point_id("t", item_id, part)).version, UUID(point_id("t", item_id, part)).variant) == (
        5,
        "specified in RFC 4122",
    )


@given(
    st.tuples(st.text("ab/", min_size=1), st.integers(0, 20)), st.tuples(st.text("ab/", min_size=1), st.integers(0, 20))
)
def test_different_parts_have_different_ids(one: tuple[str, int], other: tuple[str, int]) -> None:
    assert (point_id("t", *one) == point_id("t", *other)) == (one == other)


@given(st.text(min_size=1, max_size=512))
def test_a_space_has_a_name_that_a_file_may_have(model_version: str) -> None:
    name = space_of(model_version)
    assert name.isascii()
    assert len(name) <= FILE_NAME_CHARACTERS
    assert not set(name) & set("/\\:\0 ")


def test_models_whose_names_look_alike_have_spaces_of_their_own() -> None:
    assert len({space_of(name) for name in ("org/model", "org_model", "org:model")}) == 3


def test_every_ranking_of_every_query_asks_for_its_tenant() -> None:
    assert conditions("t", Reach.WORDS, SearchFilters())[0].values == ("t/words",)
    assert conditions("t", Reach.MEANING, SearchFilters(language=("de",)))[0].values == ("t/meaning",)


def test_a_tombstone_keeps_its_version_and_has_nothing_that_a_query_could_reach() -> None:
    [(_, lost, tombstone)] = payloads(Write(Entry("t", "mill", 9, None), 3, 1))
    assert lost is None
    assert tombstone == {"tenant": "t", "item": "mill", "part": 0, "version": 9, "rank": 19, "parts": 0}


def test_surplus_parts_become_tombstones() -> None:
    written = list(payloads(Write(Entry("t", "mill", 9, texts("a")), 3, 3)))
    assert [(number, part is None) for number, part, _ in written] == [(0, False), (1, True), (2, True)]


def test_only_the_head_stands_for_its_item() -> None:
    head, second = [payload["reach"] for _, _, payload in payloads(Write(Entry("t", "m", 1, texts("a", "b")), -1, 2))]
    assert (head, second) == (["t/meaning", "t/words", "t/items", "*/items"], ["t/meaning", "t/words"])


def test_an_untrained_part_without_words_is_in_no_ranking() -> None:
    raw = content(part(None, untrained=True, modality=Modality.IMAGE), modality=Modality.IMAGE)
    [(_, _, payload)] = payloads(Write(Entry("t", "m", 1, raw), -1, 1))
    assert payload["reach"] == ["t/items", "*/items"]


def test_long_words_are_cut_for_showing() -> None:
    [(_, _, payload)] = payloads(Write(Entry("t", "m", 1, texts("x" * 10_000)), -1, 1))
    assert len(payload["text"]) == EXCERPT_CHARACTERS
