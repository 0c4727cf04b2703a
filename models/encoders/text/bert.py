"""BERT's encoder as a function of its checkpoint: post-norm transformer layers over word pieces, inference only.

Sources: Devlin et al. 2018 (BERT), section 3; the tensor names are those of published checkpoints. Written out here
because importing the library's model class costs 5 s and 250 MB beyond torch at every start of a worker; a test holds
both to the same vectors.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name everybody knows it by

Weights = Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class BertShape:
    """What the weights do not say by themselves."""

    layers: int
    heads: int
    layer_norm_eps: float


def sentence_vectors(weights: Weights, shape: BertShape, tokens: Tensor, real: Tensor) -> Tensor:
    """Unit vectors of a padded batch: the mean over its real tokens' last hidden states."""
    states = hidden_states(weights, shape, tokens, real)
    share = real.unsqueeze(-1).to(states.dtype)
    return F.normalize((states * share).sum(1) / share.sum(1), dim=1)


def hidden_states(weights: Weights, shape: BertShape, tokens: Tensor, real: Tensor) -> Tensor:
    """Last hidden states, batch x tokens x width. `real` is False at padding."""
    visible = None if bool(real.all()) else real[:, None, None, :]
    states = _embedded(weights, shape, tokens)
    for layer in range(shape.layers):
        states = _layer(weights, shape, f"encoder.layer.{layer}", states, visible)
    return states


def _embedded(weights: Weights, shape: BertShape, tokens: Tensor) -> Tensor:
    words = F.embedding(tokens, weights["embeddings.word_embeddings.weight"])
    positions = weights["embeddings.position_embeddings.weight"][: tokens.shape[1]]
    first_segment = weights["embeddings.token_type_embeddings.weight"][0]
    return _norm(weights, shape, "embeddings.LayerNorm", words + positions + first_segment)


def _layer(weights: Weights, shape: BertShape, name: str, states: Tensor, visible: Tensor | None) -> Tensor:
    attended = _linear(weights, f"{name}.attention.output.dense", _attention(weights, shape, name, states, visible))
    states = _norm(weights, shape, f"{name}.attention.output.LayerNorm", states + attended)
    inner = F.gelu(_linear(weights, f"{name}.intermediate.dense", states))
    return _norm(weights, shape, f"{name}.output.LayerNorm", states + _linear(weights, f"{name}.output.dense", inner))


def _attention(weights: Weights, shape: BertShape, name: str, states: Tensor, visible: Tensor | None) -> Tensor:
    batch, length, width = states.shape
    query, key, value = (
        _linear(weights, f"{name}.attention.self.{part}", states).view(batch, length, shape.heads, -1).transpose(1, 2)
        for part in ("query", "key", "value")
    )
    attended = F.scaled_dot_product_attention(query, key, value, attn_mask=visible)
    return attended.transpose(1, 2).reshape(batch, length, width)


def _linear(weights: Weights, name: str, states: Tensor) -> Tensor:
    return F.linear(states, weights[f"{name}.weight"], weights[f"{name}.bias"])


def _norm(weights: Weights, shape: BertShape, name: str, states: Tensor) -> Tensor:
    scale, shift = weights[f"{name}.weight"], weights[f"{name}.bias"]
    return F.layer_norm(states, scale.shape, scale, shift, shape.layer_norm_eps)
