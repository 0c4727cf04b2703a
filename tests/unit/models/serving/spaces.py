"""A vector index with a space for each model, searched exactly: what a score must be can be computed."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from models.encoders.port import Encoder, Vectors
from models.vector_index.port import Candidate, IndexQuery
from schemas.items import Modality
from streams.errors import Unavailable

WORDS = ("mill", "river", "wheel", "stream", "log", "record", "vessel", "water", "deep", "still")
TEXTS = {f"item-{number}": f"{word} {WORDS[(number * 7 + 3) % 10]} {number}" for number, word in enumerate(3 * WORDS)}


@dataclass
class Spaces:
    """Filled and dropped while it is searched."""

    spaces: dict[str, Vectors] = field(default_factory=dict)

    def fill(self, encoder: Encoder) -> None:
        self.spaces[encoder.version] = encoder.encode_texts(list(TEXTS.values()))

    def drop(self, version: str) -> None:
        del self.spaces[version]

    def search(self, query: IndexQuery) -> list[Candidate]:
        if query.model_version not in self.spaces:
            raise Unavailable(f"there is no space {query.model_version}")
        assert query.vector is not None
        scores = self.spaces[query.model_version] @ query.vector
        names = list(TEXTS)
        return [_candidate(names[place], float(scores[place])) for place in np.argsort(-scores)[: query.limit]]

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"a search asks for nothing but a search, and not for {name}")


def _candidate(item_id: str, score: float) -> Candidate:
    return Candidate(
        item_id=item_id,
        version=1,
        part=0,
        score=score,
        modality=Modality.TEXT,
        source="tests",
        language=None,
        tags=(),
        nsfw_flag=None,
        uri=None,
        text=TEXTS[item_id],
    )
