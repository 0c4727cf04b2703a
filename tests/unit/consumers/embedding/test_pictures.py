from hypothesis import given
from hypothesis import strategies as st

from consumers.embedding.pictures import portions
from schemas.items import MediaRef
from tests.unit.consumers.embedding.builders import absent

REFS = st.lists(st.integers(0, 100).map(absent), max_size=50)


@given(REFS, st.integers(1, 300))
def test_portions_hold_every_picture_once_and_in_order(refs: list[MediaRef], limit: int) -> None:
    assert [ref for portion in portions(refs, limit) for ref in portion] == refs


@given(REFS, st.integers(1, 300))
def test_only_a_picture_alone_may_exceed_the_limit(refs: list[MediaRef], limit: int) -> None:
    assert all(len(portion) == 1 or sum(ref.length for ref in portion) <= limit for portion in portions(refs, limit))
