import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from trainers.learning.batches.shapes import ClassFeatures, Features, KeptFeatures, NegativeFeatures, PairFeatures
from trainers.learning.objective import contrastive, hard_negatives, loss, retention, supervised
from trainers.recipes.recipe import Objective, Recipe

SCALE = torch.tensor(10.0)


def vectors(count: int, seed: int = 0) -> Tensor:
    return F.normalize(torch.randn(count, 8, generator=torch.Generator().manual_seed(seed)), dim=1)


def ids(*numbers: int) -> Tensor:
    return torch.tensor(numbers)


def pairs(text_ids: Tensor, item_ids: Tensor | None = None, weights: Tensor | None = None) -> PairFeatures:
    count = len(text_ids)
    texts = vectors(count, 1)[torch.unique(text_ids, return_inverse=True)[1]]
    none = torch.full((count,), -1)
    return PairFeatures(
        vectors(count),
        texts,
        text_ids,
        torch.arange(count) if item_ids is None else item_ids,
        none,
        none,
        torch.ones(count) if weights is None else weights,
    )


def test_with_texts_of_their_own_it_is_plain_infonce_both_ways() -> None:
    found = pairs(ids(0, 1, 2, 3))
    logits = SCALE * found.images @ found.texts.T
    expected = (F.cross_entropy(logits, torch.arange(4)) + F.cross_entropy(logits.T, torch.arange(4))) / 2
    torch.testing.assert_close(contrastive(found, SCALE), expected)


def test_pictures_of_one_text_are_not_pushed_apart() -> None:
    one_text = pairs(ids(0, 0, 0))
    alike = one_text.images[:1].repeat(3, 1).requires_grad_()
    contrastive(one_text._replace(images=alike), SCALE).backward()
    assert alike.grad is not None
    torch.testing.assert_close(alike.grad, torch.zeros(3, 8), atol=1e-6, rtol=0)


def test_pictures_of_different_texts_are_pushed_apart() -> None:
    texts = pairs(ids(0, 1, 2))
    alike = texts.images[:1].repeat(3, 1).requires_grad_()
    contrastive(texts._replace(images=alike), SCALE).backward()
    assert alike.grad is not None
    assert alike.grad.abs().max() > 0.1


def test_texts_of_one_picture_are_not_pushed_apart() -> None:
    apart, together = pairs(ids(0, 1)), pairs(ids(0, 1), item_ids=ids(5, 5))
    assert contrastive(together, SCALE) != contrastive(apart, SCALE)
    flat = together._replace(texts=together.texts[:1].repeat(2, 1))
    torch.testing.assert_close(contrastive(flat, SCALE * 0), torch.tensor(2.0).log())


def test_an_example_that_nobody_trusts_does_not_count() -> None:
    found = pairs(ids(0, 1, 2), weights=torch.tensor([1.0, 1.0, 0.0]))
    logits, right = SCALE * found.images @ found.texts.T, torch.arange(3)
    each = [F.cross_entropy(way, right, reduction="none")[:2].mean() for way in (logits, logits.T)]
    torch.testing.assert_close(contrastive(found, SCALE), (each[0] + each[1]) / 2)


def test_doubtful_labels_pull_as_strongly_among_themselves_as_sure_ones() -> None:
    sure, doubtful = pairs(ids(0, 1, 2)), pairs(ids(0, 1, 2), weights=torch.full((3,), 0.3))
    torch.testing.assert_close(contrastive(sure, SCALE), contrastive(doubtful, SCALE))


def classed(classes: Tensor, tasks: Tensor | None = None, items: Tensor | None = None) -> Features:
    count = len(classes)
    own = torch.zeros(count, dtype=torch.int64) if tasks is None else tasks
    items = torch.arange(count) if items is None else items
    return Features(SCALE[None], classed=ClassFeatures(vectors(count), items, classes, own, torch.ones(count)))


def test_supervised_contrastive_is_that_of_its_authors() -> None:
    features, classes = classed(ids(0, 0, 1, 1, 0)), [0, 0, 1, 1, 0]
    assert features.classed is not None
    near = SCALE * features.classed.texts @ features.classed.texts.T
    each = []
    for i in range(5):
        others = [j for j in range(5) if j != i]
        right = [j for j in others if classes[j] == classes[i]]
        each.append(sum(near[i, others].logsumexp(0) - near[i, j] for j in right) / len(right))
    torch.testing.assert_close(supervised(features, SCALE), torch.stack(each).mean())  # type: ignore[arg-type]


def test_classes_of_other_tasks_are_no_negatives() -> None:
    alone = supervised(classed(ids(0, 0)), SCALE)
    features = classed(ids(0, 0, 7, 8), tasks=ids(0, 0, 1, 1))
    torch.testing.assert_close(supervised(features, SCALE), alone, atol=1e-6, rtol=0)


def test_an_item_is_no_negative_of_itself_for_another_of_its_classes() -> None:
    features = classed(ids(0, 0, 1), items=ids(0, 1, 0))
    assert features.classed is not None
    texts = features.classed.texts
    near = SCALE * texts[1] @ texts[[0, 2]].T
    only_the_other_item = torch.zeros(())
    expected = (only_the_other_item + near.logsumexp(0) - near[0]) / 2
    torch.testing.assert_close(supervised(features, SCALE), expected)


def test_a_class_with_one_item_teaches_nothing_and_breaks_nothing() -> None:
    features = classed(ids(0, 1, 2))
    assert features.classed is not None
    texts = features.classed.texts.clone().requires_grad_()
    found = supervised(features._replace(classed=features.classed._replace(texts=texts)), SCALE)
    found.backward()
    assert found == 0
    assert texts.grad is not None
    assert (texts.grad == 0).all()


def test_pictures_without_a_class_take_no_part() -> None:
    features = Features(SCALE[None], pairs=pairs(ids(0, 1, 2)), classed=classed(ids(0, 0)).classed)
    torch.testing.assert_close(supervised(features, SCALE), supervised(classed(ids(0, 0)), SCALE))


def triples(query_ids: Tensor, positive_ids: Tensor, negative_ids: Tensor) -> NegativeFeatures:
    count = len(query_ids)
    sides = (vectors(count, 1), vectors(count, 2))
    return NegativeFeatures(vectors(count), *sides, query_ids, positive_ids, negative_ids, torch.ones(count))


def test_what_people_passed_over_is_a_column_more() -> None:
    found = triples(ids(0, 1), ids(0, 1), ids(2, 3))
    logits = SCALE * found.queries @ torch.cat([found.positives, found.negatives]).T
    torch.testing.assert_close(hard_negatives(found, SCALE), F.cross_entropy(logits, ids(0, 1)))


def test_another_item_taken_for_the_same_query_is_no_negative() -> None:
    found = triples(ids(0, 0), ids(0, 1), ids(2, 3))
    logits = SCALE * found.queries @ torch.cat([found.positives, found.negatives]).T
    logits[0, 1] = logits[1, 0] = -torch.inf
    torch.testing.assert_close(hard_negatives(found, SCALE), F.cross_entropy(logits, ids(0, 1)))


def test_an_item_that_people_took_here_and_passed_over_there_is_no_negative_here() -> None:
    found = triples(ids(0, 1), ids(0, 1), ids(5, 0))
    logits = SCALE * found.queries @ torch.cat([found.positives, found.negatives]).T
    logits[0, 3] = -torch.inf
    torch.testing.assert_close(hard_negatives(found, SCALE), F.cross_entropy(logits, ids(0, 1)))


def test_texts_that_stay_cost_nothing() -> None:
    assert retention(KeptFeatures(vectors(3), vectors(3))).item() == pytest.approx(0, abs=1e-6)
    assert retention(KeptFeatures(vectors(3), -vectors(3))).item() == pytest.approx(2, abs=1e-6)


def test_losses_add_up_by_their_weights() -> None:
    features = Features(
        SCALE[None],
        pairs(ids(0, 1, 2)),
        classed(ids(0, 0, 1)).classed,
        triples(ids(0, 1), ids(0, 1), ids(2, 3)),
        KeptFeatures(vectors(3), vectors(3, 1)),
    )
    recipe = Recipe(objective=Objective(contrastive=1, supervised=2, hard_negatives=3, retention=4))
    parts = (
        contrastive(features.pairs, SCALE)  # type: ignore[arg-type]
        + 2 * supervised(features, SCALE)
        + 3 * hard_negatives(features.negatives, SCALE)  # type: ignore[arg-type]
        + 4 * retention(features.kept)  # type: ignore[arg-type]
    )
    torch.testing.assert_close(loss(features, recipe), parts)
