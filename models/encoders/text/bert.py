"""BERT's encoder as a function of its checkpoint: post-norm transformer layers over word pieces, without dropout.

Sources: Devlin et al. 2018 (BERT), section 3; the tensor names are those of published checkpoints. Written out here
because importing the library's model class costs 5 s and 250 MB beyond torch at every start of a worker; a test holds
both to the same vectors.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name everybody knows it by

Weights = Mapping[str, Tensor]
Adapters = Mapping[str, Callable[[Tensor], Tensor]]
"""By the name of a linear layer, what is added to its output: an adapter in training, which is not merged yet."""


@dataclass(frozen=True, slots=True)
class BertShape:
    """What the weights do not say by themselves."""

    layers: int
    heads: int
    layer_norm_eps: float


@dataclass(frozen=True, slots=True)
class Bert:
    """A network: what it is made of."""

    weights: Weights
    shape: BertShape
    adapters: Adapters = field(default_factory=dict)


def sentence_vectors(bert: Bert, tokens: Tensor, real: Tensor) -> Tensor:
    """Unit vectors of a padded batch: the mean over its real tokens' last hidden states."""
    states = hidden_states(bert, tokens, real)
    share = real.unsqueeze(-1).to(states.dtype)
    return F.normalize((states * share).sum(1) / share.sum(1), dim=1)


def hidden_states(bert: Bert, tokens: Tensor, real: Tensor) -> Tensor:
    """Last hidden states, batch x tokens x width. `real` is False at padding."""
    visible = None if bool(real.all()) else real[:, None, None, :]
    states = _embedded(bert, tokens)
    for layer in range(bert.shape.layers):
        states = _layer(bert, f"encoder.layer.{layer}", states, visible)
    return states


def _embedded(bert: Bert, tokens: Tensor) -> Tensor:
    words = F.embedding(tokens, bert.weights["embeddings.word_embeddings.weight"])
    positions = bert.weights["embeddings.position_embeddings.weight"][: tokens.shape[1]]
    first_segment = bert.weights["embeddings.token_type_embeddings.weight"][0]
    return _norm(bert, "embeddings.LayerNorm", words + positions + first_segment)


def _layer(bert: Bert, name: str, states: Tensor, visible: Tensor | None) -> Tensor:
    attended = _linear(bert, f"{name}.attention.output.dense", _attention(bert, name, states, visible))
    states = _norm(bert, f"{name}.attention.output.LayerNorm", states + attended)
    inner = F.gelu(_linear(bert, f"{name}.intermediate.dense", states))
    return _norm(bert, f"{name}.output.LayerNorm", states + _linear(bert, f"{name}.output.dense", inner))


def _attention(bert: Bert, name: str, states: Tensor, visible: Tensor | None) -> Tensor:
    batch, length, width = states.shape
    query, key, value = (
        _linear(bert, f"{name}.attention.self.{part}", states).view(batch, length, bert.shape.heads, -1).transpose(1, 2)
        for part in ("query", "key", "value")
    )
    attended = F.scaled_dot_product_attention(query, key, value, attn_mask=visible)
    return attended.transpose(1, 2).reshape(batch, length, width)


def _linear(bert: Bert, name: str, states: Tensor) -> Tensor:
    found = F.linear(states, bert.weights[f"{name}.weight"], bert.weights[f"{name}.bias"])
    adapter = bert.adapters.get(name)
    return found if adapter is None else found + adapter(states)


def _norm(bert: Bert, name: str, states: Tensor) -> Tensor:
    scale, shift = bert.weights[f"{name}.weight"], bert.weights[f"{name}.bias"]
    return F.layer_norm(states, scale.shape, scale, shift, bert.shape.layer_norm_eps)
