"""How far marked regions overlap: rectangles in pictures, spans in recordings. All measures lie within 0..1.

Rectangles are taken as upright: a rotation is not looked at.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from annotation.label_studio.templates.answers import Box, Span


def box_iou(one: Box, other: Box) -> float:
    """Area of the intersection over that of the union, whatever the classes. P. Jaccard (1912) on areas."""
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    shared = max(width, 0.0) * max(height, 0.0)
    union = one.width * one.height + other.width * other.height - shared
    return shared / union if union > 0 else float((one.x, one.y) == (other.x, other.y))


def matched_boxes(ours: Sequence[Box], theirs: Sequence[Box], at_least: float) -> list[tuple[int, int, float]]:
    """Pairs of one class that overlap `at_least` so far, no box twice: as many as can be, then those that overlap most.

    H. W. Kuhn's Hungarian method (1955), as SciPy has it. Each pair is its two positions and its overlap.
    """
    if not ours or not theirs:
        return []
    from scipy.optimize import linear_sum_assignment  # loaded for boxes only

    overlap = _overlaps(ours, theirs)
    worth = np.where(overlap >= at_least, overlap + min(len(ours), len(theirs)), 0.0)  # one pair more beats any overlap
    rows, columns = linear_sum_assignment(worth, maximize=True)
    return [(int(i), int(j), float(overlap[i, j])) for i, j in zip(rows, columns, strict=True) if worth[i, j] > 0]


def box_f1(ours: Sequence[Box], theirs: Sequence[Box], at_least: float) -> float:
    """Share of all boxes that have a match; 1 where both found none."""
    count = len(ours) + len(theirs)
    return 2 * len(matched_boxes(ours, theirs, at_least)) / count if count else 1.0


def span_iou(ours: Sequence[Span], theirs: Sequence[Span]) -> float:
    """Time that both mark with one class over the time that either does, over all classes; 1 where both have none."""
    shared = marked = 0.0
    own, other = _by_label(ours), _by_label(theirs)
    for label in sorted({*own, *other}):
        both = _length(_merged([*own[label], *other[label]]))
        each = _length(_merged(own[label])) + _length(_merged(other[label]))
        shared += each - both
        marked += both
    return shared / marked if marked else 1.0


def _overlaps(ours: Sequence[Box], theirs: Sequence[Box]) -> NDArray[np.float64]:
    return np.array([[box_iou(a, b) if a.label == b.label else -1.0 for b in theirs] for a in ours])


def _by_label(spans: Sequence[Span]) -> dict[str, list[tuple[float, float]]]:
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for span in spans:
        found[span.label].append((span.start_s, span.end_s))
    return found


def _merged(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The same time without anything twice."""
    merged: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def _length(spans: Sequence[tuple[float, float]]) -> float:
    return sum(end - start for start, end in spans)
