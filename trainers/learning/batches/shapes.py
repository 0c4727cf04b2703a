"""What a step reads and what the towers make of it.

Nested tuples of tensors: engines that wrap the towers look into them, and gathering is one function over all of them.
Rows are examples; a kind of examples that a data set has none of is None.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

from torch import Tensor


class Texts(NamedTuple):
    """What the text tower reads. Where it does not learn, its vectors are there already."""

    vectors: Tensor
    """(n, dim), by the parent."""
    tokens: Tensor
    """(n, length), padded; no columns where the tower does not learn."""
    real: Tensor
    """(n, length), False at padding."""


class Items(NamedTuple):
    """Items of any modality; each has its row in both."""

    pictures: Tensor
    texts: Texts
    pictured: Tensor
    """(n,), 1 where the picture counts, 0 where the text does."""


class PairBatch(NamedTuple):
    """Pictures with their texts."""

    pictures: Tensor
    """(n, 3, side, side), -1 to 1."""
    texts: Texts
    text_ids: Tensor
    item_ids: Tensor
    classes: Tensor
    """-1 where nobody named one."""
    tasks: Tensor
    weights: Tensor


class ClassBatch(NamedTuple):
    """Texts with their classes."""

    texts: Texts
    item_ids: Tensor
    classes: Tensor
    tasks: Tensor
    weights: Tensor


class NegativeBatch(NamedTuple):
    """Queries with the item that people took and the one that they passed over."""

    queries: Texts
    positives: Items
    negatives: Items
    query_ids: Tensor
    positive_ids: Tensor
    negative_ids: Tensor
    weights: Tensor


class Batch(NamedTuple):
    """One rank's part of a step, or of a part of it."""

    pairs: PairBatch | None = None
    classed: ClassBatch | None = None
    negatives: NegativeBatch | None = None
    kept: Texts | None = None


class PairFeatures(NamedTuple):
    images: Tensor
    texts: Tensor
    text_ids: Tensor
    item_ids: Tensor
    classes: Tensor
    tasks: Tensor
    weights: Tensor


class ClassFeatures(NamedTuple):
    texts: Tensor
    item_ids: Tensor
    classes: Tensor
    tasks: Tensor
    weights: Tensor


class NegativeFeatures(NamedTuple):
    queries: Tensor
    positives: Tensor
    negatives: Tensor
    query_ids: Tensor
    positive_ids: Tensor
    negative_ids: Tensor
    weights: Tensor


class KeptFeatures(NamedTuple):
    texts: Tensor
    targets: Tensor
    """By the parent."""


class Features(NamedTuple):
    """Unit vectors in single precision, and what tells which belong together."""

    scale: Tensor
    """(1,) on each rank: one over the temperature. It comes out of the forward pass, so that its gradient takes the
    same way as the towers'."""
    pairs: PairFeatures | None = None
    classed: ClassFeatures | None = None
    negatives: NegativeFeatures | None = None
    kept: KeptFeatures | None = None


Tree = TypeVar("Tree", Batch, Features)


def mapped(tree: Tree, change: Callable[[Tensor], Tensor]) -> Tree:
    """The same with every tensor changed, such as moved to a device or gathered over ranks; always in one order."""
    return cast(Tree, _mapped(tree, change))


def _mapped(tree: Any, change: Callable[[Tensor], Tensor]) -> Any:
    if tree is None or isinstance(tree, Tensor):
        return None if tree is None else change(tree)
    return type(tree)(*(_mapped(each, change) for each in tree))
