import numpy as np
from numpy.typing import NDArray

from models.serving.rerank import by_cosine
from models.vector_index.port import Candidate
from schemas.items import Modality
from tests.contract.vector_index import EAST, NORTH, direction


def candidate(item_id: str, vector: NDArray[np.float32] | None) -> Candidate:
    return Candidate(item_id, 1, 0, 0.5, Modality.TEXT, "", None, (), None, None, None, vector)


def test_the_nearest_comes_first_with_its_cosine_as_score() -> None:
    far, near = candidate("far", direction(*NORTH)), candidate("near", direction(1, 1, 0, 0))
    ranked = by_cosine(direction(*EAST), [far, near])
    assert [(one.item_id, round(one.score, 3)) for one in ranked] == [("near", 0.707), ("far", 0.0)]


def test_what_has_no_vector_goes_to_the_end_in_its_old_order() -> None:
    ranked = by_cosine(
        direction(*EAST), [candidate("a", None), candidate("b", None), candidate("c", direction(*NORTH))]
    )
    assert [(one.item_id, one.score) for one in ranked] == [("c", 0.0), ("a", -1.0), ("b", -1.0)]
