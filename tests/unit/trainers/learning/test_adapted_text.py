from pathlib import Path

import pytest
import torch
from torch import Tensor

from models.encoders.text.adapter import TARGETS, Adapter, LowRank, layer_name
from models.encoders.text.bert import Bert, BertShape, sentence_vectors
from streams.errors import BadRecord, Misconfigured
from trainers.learning.adapted_text import AdaptedText, adapter_of, starting_adapter
from trainers.learning.batches.shapes import Texts
from trainers.recipes.recipe import Lora

WIDTH, INNER, LAYERS = 8, 12, 2
LORA = Lora(rank=3, alpha=6, targets=("query", "value", "inner", "outer"))


def bert() -> Bert:
    """A small network with the names of a published one, and random weights."""
    draw = torch.Generator().manual_seed(0)
    weights: dict[str, Tensor] = {}
    for name, rows in (("word", 20), ("position", 16), ("token_type", 2)):
        weights[f"embeddings.{name}_embeddings.weight"] = torch.randn(rows, WIDTH, generator=draw)
    for layer in range(LAYERS):
        for target in TARGETS:
            outputs, inputs = {"inner": (INNER, WIDTH), "outer": (WIDTH, INNER)}.get(target, (WIDTH, WIDTH))
            weights[f"{layer_name(layer, target)}.weight"] = torch.randn(outputs, inputs, generator=draw) / 3
            weights[f"{layer_name(layer, target)}.bias"] = torch.randn(outputs, generator=draw) / 3
    norms = [f"encoder.layer.{layer}.{part}" for layer in range(LAYERS) for part in ("attention.output", "output")]
    for name in ("embeddings", *norms):
        weights |= {f"{name}.LayerNorm.weight": torch.ones(WIDTH), f"{name}.LayerNorm.bias": torch.zeros(WIDTH)}
    return Bert(weights, BertShape(LAYERS, heads=2, layer_norm_eps=1e-12))


def adapter(lora: Lora = LORA, seed: int = 1) -> Adapter:
    """One that changes something."""
    start = starting_adapter(bert(), lora, None, seed)
    draw = torch.Generator().manual_seed(seed)
    layers = {
        name: LowRank(change.a, torch.randn(change.b.shape, generator=draw)) for name, change in start.layers.items()
    }
    return Adapter(layers, start.scale)


def texts() -> Texts:
    tokens = torch.tensor([[1, 5, 7, 2], [1, 9, 2, 0]])
    return Texts(torch.zeros(2, WIDTH), tokens, tokens > 0)


def vectors(network: Bert) -> Tensor:
    return sentence_vectors(network, texts().tokens, texts().real)


def test_a_fresh_adapter_changes_nothing() -> None:
    learner = AdaptedText(bert(), starting_adapter(bert(), LORA, None, seed=0))
    torch.testing.assert_close(learner(texts()), vectors(bert()))


def test_merged_it_computes_what_it_computed_beside_the_weights() -> None:
    merged = Bert(adapter().merged(bert().weights), bert().shape)
    assert (vectors(merged) - vectors(bert())).abs().max() > 0.01
    torch.testing.assert_close(AdaptedText(bert(), adapter())(texts()), vectors(merged))


def test_merging_shares_what_it_does_not_change() -> None:
    plain = bert().weights
    merged = adapter().merged(plain)
    assert merged.keys() == plain.keys()
    assert {name for name in merged if merged[name] is not plain[name]} == {
        f"{layer_name(layer, target)}.weight" for layer in range(LAYERS) for target in LORA.targets
    }


def test_only_the_adapter_learns() -> None:
    learner = AdaptedText(bert(), adapter())
    learner(texts()).sum().backward()
    assert len(list(learner.parameters())) == 2 * LAYERS * len(LORA.targets)
    assert all(weights.grad is not None and weights.grad.abs().sum() > 0 for weights in learner.parameters())


def test_what_was_learnt_is_saved_and_comes_back_bit_for_bit(tmp_path: Path) -> None:
    learner = AdaptedText(bert(), adapter())
    adapter_of(learner.scale, dict(learner.named_parameters())).save(tmp_path / "adapter.safetensors")
    back = Adapter.load(tmp_path / "adapter.safetensors")
    assert back.scale == adapter().scale
    assert back.digest == adapter().digest


@pytest.mark.parametrize("seed", [2, 3])
def test_another_adapter_has_another_digest(seed: int) -> None:
    assert adapter(seed=seed).digest != adapter().digest
    assert Adapter(adapter().layers, 1.0).digest != adapter().digest


def test_a_larger_adapter_goes_on_from_the_parents() -> None:
    larger = starting_adapter(bert(), LORA.model_copy(update={"rank": 5, "alpha": 20}), adapter(), seed=4)
    torch.testing.assert_close(AdaptedText(bert(), larger)(texts()), AdaptedText(bert(), adapter())(texts()))


def test_an_adapter_of_the_same_shape_goes_on_as_it_was() -> None:
    assert starting_adapter(bert(), LORA, adapter(), seed=4).digest == adapter().digest


@pytest.mark.parametrize(
    ("changed", "field"), [({"rank": 2}, "lora.rank"), ({"targets": ("query", "value")}, "lora.targets")]
)
def test_a_shape_without_room_for_the_parents_is_refused_with_the_field_named(
    changed: dict[str, object], field: str
) -> None:
    with pytest.raises(Misconfigured, match=field):
        starting_adapter(bert(), LORA.model_copy(update=changed), adapter(), seed=0)


@pytest.mark.parametrize("content", [b"", b"{}", b"\x08\0\0\0\0\0\0\0{}      ", b"\xff" * 64])
def test_a_file_that_is_no_adapter_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "text-adapter.safetensors"
    path.write_bytes(content)
    with pytest.raises(BadRecord, match=path.name):
        Adapter.load(path)


def test_an_adapter_of_another_network_is_refused() -> None:
    foreign = Adapter({"encoder.layer.9.output.dense": LowRank(torch.zeros(2, 8), torch.zeros(8, 2))}, 1.0)
    with pytest.raises(BadRecord, match="adapter_foreign"):
        foreign.merged(bert().weights)
