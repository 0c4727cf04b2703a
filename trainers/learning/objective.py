"""The losses, over the features of all ranks. Nothing here knows how many ranks there are.

Each is a mean over examples by weight, so that a batch of doubtful labels does not pull more weakly than one of sure
ones, but a doubtful label pulls more weakly than a sure one beside it.
"""

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name everybody knows it by

from trainers.learning.batches.shapes import Features, KeptFeatures, NegativeFeatures, PairFeatures
from trainers.recipes.recipe import Recipe

_FAR = -1e9
"""Instead of minus infinity, whose gradient is none where a row has nothing else."""


def loss(features: Features, recipe: Recipe) -> Tensor:
    """What training makes small."""
    objective, scale = recipe.objective, features.scale[0]
    total = 0.0 * features.scale.sum()
    if features.pairs is not None and objective.contrastive:
        total = total + objective.contrastive * contrastive(features.pairs, scale)
    if objective.supervised and (features.pairs is not None or features.classed is not None):
        total = total + objective.supervised * supervised(features, scale)
    if features.negatives is not None and objective.hard_negatives:
        total = total + objective.hard_negatives * hard_negatives(features.negatives, scale)
    if features.kept is not None and objective.retention:
        total = total + objective.retention * retention(features.kept)
    return total


def contrastive(pairs: PairFeatures, scale: Tensor) -> Tensor:
    """InfoNCE both ways; all pairs of one text or of one picture are right for each other (as in UniCL, 2022)."""
    logits = scale * pairs.images @ pairs.texts.T
    right = _same(pairs.text_ids) | _same(pairs.item_ids)
    targets = right / right.sum(dim=1, keepdim=True)
    each = _cross_entropy(logits, targets) + _cross_entropy(logits.T, targets)
    return _weighted(each / 2, pairs.weights)


def supervised(features: Features, scale: Tensor) -> Tensor:
    """Supervised contrastive (Khosla et al. 2020) within each task, over pictures and texts that have a class."""
    parts = [
        (own.images, own.item_ids, own.classes, own.tasks, own.weights) for own in (features.pairs,) if own is not None
    ]
    parts += [
        (own.texts, own.item_ids, own.classes, own.tasks, own.weights) for own in (features.classed,) if own is not None
    ]
    vectors, items, classes, tasks, weights = (torch.cat(columns) for columns in zip(*parts, strict=True))
    comparable = _same(tasks) & ~_same(items) & (classes >= 0)[:, None]
    right = (comparable & _same(classes)).to(vectors.dtype)
    logits = (scale * vectors @ vectors.T).masked_fill(~comparable, _FAR)
    many = right.sum(dim=1)
    each = _cross_entropy(logits, right / many.clamp(min=1)[:, None])
    return _weighted(each, weights * (many > 0))


def hard_negatives(triples: NegativeFeatures, scale: Tensor) -> Tensor:
    """For each query the item that people took against all others, those that they passed over among them."""
    logits = scale * triples.queries @ torch.cat([triples.positives, triples.negatives]).T
    rows = torch.arange(len(logits), device=logits.device)
    ids = torch.cat([triples.positive_ids, triples.negative_ids])
    right = triples.query_ids[:, None] == torch.cat([triples.query_ids, torch.full_like(triples.query_ids, -1)])
    too = right | (triples.positive_ids[:, None] == ids)
    too[rows, rows] = False
    return _weighted(F.cross_entropy(logits.masked_fill(too, _FAR), rows, reduction="none"), triples.weights)


def retention(kept: KeptFeatures) -> Tensor:
    """How far texts have gone from where they were: one minus the cosine."""
    return (1 - (kept.texts * kept.targets).sum(dim=1)).mean()


def _same(ids: Tensor) -> Tensor:
    return ids[:, None] == ids


def _cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    return -(targets * F.log_softmax(logits, dim=1)).sum(dim=1)


def _weighted(each: Tensor, weights: Tensor) -> Tensor:
    return (each * weights).sum() / weights.sum().clamp(min=1e-12)
