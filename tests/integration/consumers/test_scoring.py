"""Scoring on real parts: texts of bank customers, their vectors, Qdrant Edge and SQLite."""

import gzip
import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from consumers.indexing.entries import entry_of
from models.encoders.config import EncoderConfig
from models.encoders.loading import load_encoder
from models.encoders.port import Encoder
from models.vector_index.edge import EdgeVectorIndex
from schemas.annotations import ItemScored
from schemas.items import EmbeddedPart, ItemEmbedded, Modality
from tests.unit.consumers.scoring.builders import NOON, Bench, Task

INTENTS, TEXTS, HELD_OUT = 12, 50, 10


class Customers:
    """Questions of some intents, embedded; the last of each intent are held out under a source of their own."""

    def __init__(self, folder: Path, encoder: Encoder) -> None:
        with gzip.open(folder / "banking77" / "items.jsonl.gz", "rt") as lines:
            rows = [json.loads(line) for line in lines]
        intents = sorted({row["label"] for row in rows})[:INTENTS]
        chosen = [[row for row in rows if row["label"] == intent][:TEXTS] for intent in intents]
        texts = [(row["text"], row["label"], n >= TEXTS - HELD_OUT) for rows in chosen for n, row in enumerate(rows)]
        random.Random(1).shuffle(texts)
        vectors = encoder.encode_texts([text for text, _, _ in texts])
        self.truth = {f"question-{n}": label for n, (_, label, _) in enumerate(texts)}
        self.items = [
            ItemEmbedded(
                item_id=f"question-{n}", version=n, modality=Modality.TEXT, model_version="model-1",
                dim=encoder.dim, source="held-out" if held_out else "customers", published_at=NOON,
                parts=(EmbeddedPart(part=0, modality=Modality.TEXT, vector=vectors[n].tobytes(), text=text),),
            )
            for n, (text, _, held_out) in enumerate(texts)
        ]  # fmt: skip
        self.held_out = [item for item in self.items if item.source == "held-out"]
        self.asked = [item for item in self.items if item.source == "customers"]


@pytest.fixture(scope="module")
def customers(shared_data: Path) -> Customers:
    return Customers(shared_data, load_encoder(EncoderConfig()))


@pytest.fixture
def bench(tmp_path: Path, customers: Customers) -> Iterator[Bench]:
    index = EdgeVectorIndex.open(tmp_path / "index")
    dim = customers.items[0].dim
    index.ensure_space("model-1", dim)
    yield Bench(tmp_path, (Task(),), index, dim=dim)
    index.close()


def settle(bench: Bench, customers: Customers, items: Sequence[ItemEmbedded]) -> None:
    for item in items:
        bench.label({item.item_id: customers.truth[item.item_id]}, version=item.version)
    bench.ticks(3)


def accuracy(customers: Customers, facts: Sequence[ItemScored]) -> float:
    return float(np.mean([fact.predicted[0].label == customers.truth[fact.item_id] for fact in facts]))


def test_predictions_for_texts_nobody_labelled_get_better_with_labels(bench: Bench, customers: Customers) -> None:
    bench.index.apply([entry_of(item) for item in customers.items])
    bench.scored(*customers.items)
    few, more = customers.asked[:20], customers.asked[20:140]
    settle(bench, customers, few)
    early = accuracy(customers, bench.scored(*customers.held_out))
    settle(bench, customers, more)
    late = accuracy(customers, bench.scored(*customers.held_out))
    assert early + 0.1 < late
    assert late > 0.8


def test_what_the_head_gets_wrong_scores_above_what_it_gets_right(bench: Bench, customers: Customers) -> None:
    bench.index.apply([entry_of(item) for item in customers.items])
    bench.scored(*customers.items)
    settle(bench, customers, customers.asked[:60])
    facts = bench.scored(*customers.held_out)
    wrong = [fact for fact in facts if fact.predicted[0].label != customers.truth[fact.item_id]]
    right = [fact for fact in facts if fact.predicted[0].label == customers.truth[fact.item_id]]
    for measure in ("margin", "entropy", "least_confidence", "disagreement"):
        unsure = [np.mean([getattr(fact.uncertainty, measure) for fact in some]) for some in (wrong, right)]
        assert unsure[0] > unsure[1], measure
    assert np.mean([fact.acquisition for fact in wrong]) > np.mean([fact.acquisition for fact in right])


def test_a_restart_finds_everything_again(bench: Bench, customers: Customers) -> None:
    bench.index.apply([entry_of(item) for item in customers.items])
    bench.scored(*customers.items)
    settle(bench, customers, customers.asked[:60])
    bench.ticks(10)
    before = bench.scored(*customers.held_out)
    again = bench.again()
    assert again.ticks(5) == []
    after = again.scored(*customers.held_out)
    assert [fact.event_id for fact in before] == [fact.event_id for fact in after]
    assert [fact.predicted[0].label for fact in before] == [fact.predicted[0].label for fact in after]
    np.testing.assert_allclose([f.acquisition for f in before], [f.acquisition for f in after], atol=1e-4)


def test_neighbours_of_real_texts_mostly_mean_the_same(bench: Bench, customers: Customers) -> None:
    half = len(customers.items) // 2
    bench.index.apply([entry_of(item) for item in customers.items[:half]])
    bench.scored(*customers.items[:half])
    facts = bench.scored(*customers.items[half:])
    alike = [
        customers.truth[near.item_id] == customers.truth[fact.item_id] for fact in facts for near in fact.neighbours
    ]
    assert {len(fact.neighbours) for fact in facts} == {15}
    assert np.mean(alike) > 0.5
