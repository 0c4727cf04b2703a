"""An embedded item as a candidate: its vector, and what annotators will see of it.

An item is known by the vector of its primary part, part 0: the picture of a picture, even from a tower that is not
trained yet, and the first window of a text. The index knows its neighbours by the same vector, so that scores, graph
and heads speak of one thing; what a long text says after its first window does not count here.
"""

from collections.abc import Iterable
from uuid import UUID, uuid5

import numpy as np
from numpy.typing import NDArray

from consumers.scoring.candidates.store import Candidate
from consumers.scoring.learning.learner import Task
from models.vector_index.port import Held
from schemas.annotations import SHOWN_CHARACTERS, Shown
from schemas.items import EmbeddedPart, ItemEmbedded, Modality

Vector = NDArray[np.float32]

_NAMESPACE = uuid5(UUID(int=0), "millrace/scoring")
LEAST_LENGTH = 1e-6


def about(task: Task, modality: Modality, source: str) -> bool:
    """Whether items like this one are candidates of a task."""
    return modality in task.modalities and (not task.sources or source in task.sources)


def vector_of(item: ItemEmbedded, dim: int) -> Vector | None:
    """The vector of the primary part, of unit length; None where it has no direction or belongs to another space.

    Such an item is a dead letter of indexing, which must act on it; here it is only passed over.
    """
    if item.dim != dim:
        return None
    vector = np.frombuffer(item.parts[0].vector, "<f4").astype(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        length = float(np.linalg.norm(vector))
    return vector / np.float32(length) if np.isfinite(length) and length > LEAST_LENGTH else None


def candidate_of(item: ItemEmbedded) -> Candidate:
    """What is kept of an item until it is labelled."""
    shown = Shown(
        modality=item.modality,
        source=item.source,
        language=item.language,
        text=_text(item.parts),
        media=item.media,
    )
    return Candidate(item.tenant, item.item_id, item.version, item.event_id, item.traceparent, shown)


def candidate_from_index(tenant: str, held: Held, model_version: str) -> Candidate | None:
    """An item that no fact has told of: what the index knows of it. None for a medium, as nobody could see it."""
    if held.uri is not None or held.modality is not Modality.TEXT:
        return None
    cause = uuid5(_NAMESPACE, f"{tenant}/{held.item_id}/{held.version}/{model_version}")
    shown = Shown(modality=held.modality, source=held.source, language=held.language, text=held.text)
    return Candidate(tenant, held.item_id, held.version, cause, f"00-{cause.hex}-{cause.hex[:16]}-01", shown)


def _text(parts: Iterable[EmbeddedPart]) -> str | None:
    """The beginning of the words, from all windows."""
    words = " ".join(part.text for part in parts if part.text)
    return words[:SHOWN_CHARACTERS] or None
