"""The text tower: all-MiniLM-L6-v2 from a folder on this machine, on the processor, in single precision."""

from collections.abc import Iterator, Sequence
from copy import copy
from hashlib import file_digest, sha256
from itertools import groupby
from json import loads
from pathlib import Path
from typing import Self

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from tokenizers import Encoding, Tokenizer

from models.encoders.config import EncoderConfig
from models.encoders.port import Vectors
from models.encoders.text.adapter import Adapter
from models.encoders.text.bert import Bert, BertShape, sentence_vectors
from models.encoders.text.token_budget import token_budget_batches
from models.encoders.text.windows import WindowLimits, Word, windows
from streams.errors import Misconfigured

FILES = ("config.json", "tokenizer.json", "model.safetensors")
"""What the folder must hold; together they decide every vector."""

_MARKS = 2
"""Each text is read between a beginning and an end mark."""


class MiniLM:
    """Sentence vectors: mean over the last hidden states, of unit length. `digest` names all that decides them."""

    adapter: Adapter | None = None
    """What has been merged into the weights of the folder."""

    def __init__(self, folder: Path, config: EncoderConfig) -> None:
        self._config = config
        self._limits = WindowLimits(config.window_pieces - _MARKS, config.max_part_chars, config.max_parts)
        try:
            shape, self.dim = _shape(folder / "config.json")
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            self.plain = Bert(load_file(folder / "model.safetensors"), shape)
            """The network as the folder has it, without an adapter."""
            files = _digest_of([folder / name for name in FILES])
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            raise Misconfigured(f"no text model can be read from {folder}: {error}") from error
        self._network = self.plain
        self.plain_digest = self.digest = f"{files} {config.window_pieces}"
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._begin, self._end = (_mark(self._tokenizer, mark) for mark in ("[CLS]", "[SEP]"))

    def adapted(self, adapter: Adapter | None) -> Self:
        """The same tower with this adapter instead of any other; whatever it does not change is shared."""
        tower = copy(self)
        tower.adapter = adapter
        tower._network, tower.digest = self.plain, self.plain_digest
        if adapter is not None:
            tower._network = Bert(adapter.merged(self.plain.weights), self.plain.shape)
            tower.digest = f"{self.plain_digest} {adapter.digest}"
        return tower

    def tokens(self, texts: Sequence[str], pieces: int | None = None) -> list[list[int]]:
        """What the network reads of each text, its two marks included: the first window, or the first `pieces`."""
        limit = self._limits.pieces if pieces is None else min(pieces - _MARKS, self._limits.pieces)
        return [[self._begin, *ids[:limit], self._end] for ids in self._pieces(texts)]

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Vectors in the order of the texts; a longer text counts by its first window."""
        tokens = self.tokens(texts)
        vectors = np.empty((len(texts), self.dim), dtype=np.float32)
        for batch in token_budget_batches([len(ids) for ids in tokens], self._config.batch_tokens):
            vectors[batch] = self._encode_batch([tokens[position] for position in batch])
        return vectors

    def split(self, text: str) -> list[str]:
        """Windows that `encode` reads whole."""
        reached = text[: self._limits.reach]
        encoding = self._tokenizer.encode(reached, add_special_tokens=False)
        return windows(reached, list(_words(encoding)), self._limits)

    def _pieces(self, texts: Sequence[str]) -> Iterator[list[int]]:
        heads = [text[: self._limits.chars] for text in texts]
        return (encoding.ids for encoding in self._tokenizer.encode_batch(heads, add_special_tokens=False))

    @torch.inference_mode()
    def _encode_batch(self, batch: Sequence[Sequence[int]]) -> Vectors:
        lengths = np.array([len(ids) for ids in batch])
        real = np.arange(lengths.max()) < lengths[:, None]
        tokens = np.zeros(real.shape, dtype=np.int64)
        tokens[real] = np.concatenate(batch)
        found = sentence_vectors(self._network, torch.from_numpy(tokens), torch.from_numpy(real))
        return np.asarray(found.numpy(), dtype=np.float32)


def _digest_of(files: Sequence[Path]) -> str:
    """SHA-256 over the SHA-256 of each file, in their order."""
    digests = sha256()
    for path in files:
        with path.open("rb") as content:
            digests.update(file_digest(content, "sha256").digest())
    return digests.hexdigest()


def _shape(path: Path) -> tuple[BertShape, int]:
    config = loads(path.read_text("utf-8"))
    kind = (config["model_type"], config["hidden_act"], config["position_embedding_type"])
    if kind != ("bert", "gelu", "absolute"):
        raise ValueError(f"{path.name} describes {kind}; this tower computes BERT with gelu and absolute positions")
    shape = BertShape(config["num_hidden_layers"], config["num_attention_heads"], config["layer_norm_eps"])
    return shape, config["hidden_size"]


def _mark(tokenizer: Tokenizer, mark: str) -> int:
    found = tokenizer.token_to_id(mark)
    if found is None:
        raise Misconfigured(f"the text model's tokenizer.json has no mark {mark}")
    return int(found)


def _words(encoding: Encoding) -> Iterator[Word]:
    """Neighbouring pieces of one word together: cut inside a word, its rest would be read as other pieces."""
    pieces = zip(encoding.word_ids, encoding.offsets, strict=True)
    for _, group in groupby(pieces, key=lambda piece: piece[0]):
        spans = [span for _, span in group]
        yield Word(spans[0][0], spans[-1][1], len(spans))
