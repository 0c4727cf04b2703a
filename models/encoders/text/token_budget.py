"""Texts to batches of similar length, so that little of a batch is padding.

A batch costs its number of texts times its longest one. Sorted by length and closed by that product, batches of short
texts are wide and batches of long ones narrow; all cost about the same and stay in the processor's cache.
"""

from collections.abc import Sequence


def token_budget_batches(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Positions of the texts, batch by batch, shortest first; each batch padded to its longest is within `budget`.

    A text that is over the budget on its own has a batch of its own.
    """
    batches: list[list[int]] = []
    batch: list[int] = []
    for position in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[position] > budget:
            batches.append(batch)
            batch = []
        batch.append(position)
    return [*batches, batch] if batch else batches


def padded_tokens(lengths: Sequence[int], batches: Sequence[Sequence[int]]) -> int:
    """Tokens that the model computes for these batches, padding included."""
    return sum(len(batch) * max(lengths[position] for position in batch) for batch in batches)
