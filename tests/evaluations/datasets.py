"""The data sets: frozen features and true labels. Exact copies are left out, as the graph would collapse them.

Texts go through the shipped encoder once and are kept on disk, since that takes minutes.
"""

import gzip
import io
import json
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits

from models.encoders.config import EncoderConfig
from models.encoders.loading import load_encoder
from models.encoders.port import Encoder
from models.neighbours.exact import distinct
from tests.evaluations.pictures import picture_features
from tests.evaluations.templated import templated_sentences

Features = NDArray[np.float32]
Say = Callable[[str], None]

_CHUNK = 500
_BANKING_POOL = 6000
_TWEETS = 9000
_COPY = 3e-6
"""Squared distance within which the graph takes items for copies, and somewhat more, as pools scale differently."""


@dataclass(frozen=True)
class DataSet:
    """Items of one task. `fixed_test` are rows that are always the test set; without them each seed splits anew."""

    name: str
    features: Features
    labels: NDArray[np.str_]
    about: str
    batch: int
    pool_size: int
    test_size: int
    fixed_test: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class Source:
    """Where data, encoder and cache are."""

    data: Path
    cache: Path
    say: Say

    def encoder(self) -> Encoder:
        """The shipped one, on one thread."""
        return load_encoder(EncoderConfig(threads=1))

    def texts(self, name: str, texts: Sequence[str]) -> Features:
        """Vectors of texts from the cache, or computed and kept."""
        return self._kept(name, [text.encode() for text in texts], lambda encoder, at: encoder.encode_texts(texts[at]))

    def pictures(self, name: str, pictures: Sequence[bytes]) -> Features:
        """Vectors of pictures through the shipped tower."""
        return self._kept(name, pictures, lambda encoder, at: encoder.encode_images(pictures[at]))

    def _kept(self, name: str, inputs: Sequence[bytes], encode: Callable[[Encoder, slice], Features]) -> Features:
        encoder = self.encoder()
        digest = sha256(encoder.version.encode() + b"".join(sha256(each).digest() for each in inputs)).hexdigest()
        file = self.cache / f"{name}-{digest[:16]}.npy"
        if file.is_file():
            return np.asarray(np.load(file), dtype=np.float32)
        parts = []
        for start in range(0, len(inputs), _CHUNK):
            parts.append(encode(encoder, slice(start, start + _CHUNK)))
            self.say(f"{name}: {min(start + _CHUNK, len(inputs))} of {len(inputs)} encoded")
        vectors = np.concatenate(parts)
        self.cache.mkdir(parents=True, exist_ok=True)
        np.save(file, vectors)
        return vectors


def banking77(source: Source) -> DataSet:
    """Short questions to a bank, 77 intents; the official test set."""
    items = _lines(source.data / "banking77" / "items.jsonl.gz")
    train = [item for item in items if item["split"] == "train"]
    chosen = np.random.default_rng(0).permutation(len(train))[:_BANKING_POOL]
    kept = [train[place] for place in sorted(chosen)] + [item for item in items if item["split"] == "test"]
    test = np.array([item["split"] == "test" for item in kept])
    vectors = source.texts("banking77", [item["text"] for item in kept])
    labels = np.array([item["label"] for item in kept])
    return _without_copies(DataSet("banking77", vectors, labels, "MiniLM, 384", 77, 5000, int(test.sum()), test))


def banking20(source: Source) -> DataSet:
    """The first twenty intents of banking77: small enough for every run of the tests."""
    items = _lines(source.data / "banking77" / "items.jsonl.gz")
    intents = sorted({item["label"] for item in items})[:20]
    ours = [item for item in items if item["label"] in intents]
    kept = [ours[place] for place in np.sort(np.random.default_rng(0).permutation(len(ours))[:1600])]
    vectors = source.texts("banking20", [item["text"] for item in kept])
    labels = np.array([item["label"] for item in kept])
    return _without_copies(DataSet("banking20", vectors, labels, "MiniLM, 384", 20, 1000, 500))


def tweets(source: Source) -> DataSet:
    """Tweets in three skewed classes."""
    items = _lines(source.data / "davidson-tweets" / "items.jsonl.gz")
    chosen = np.sort(np.random.default_rng(0).permutation(len(items))[:_TWEETS])
    vectors = source.texts("davidson-tweets", [items[place]["text"] for place in chosen])
    labels = np.array([items[place]["label"] for place in chosen])
    return _without_copies(DataSet("davidson-tweets", vectors, labels, "MiniLM, 384", 30, 5000, 3000))


def openstax(source: Source) -> DataSet:
    """Textbook paragraphs; the class is the chapter."""
    items = _lines(source.data / "openstax-text" / "passages.jsonl.gz")
    vectors = source.texts("openstax-text", [item["text"] for item in items])
    labels = np.array([f"{item['book']}, {item['chapter']}" for item in items])
    return _without_copies(DataSet("openstax-text", vectors, labels, "MiniLM, 384", 38, 2425, 1038))


def clothing(source: Source) -> DataSet:
    """Photos of ten kinds of clothes, by outlines and colours."""
    pictures, labels = _clothing(source.data)
    features = picture_features(pictures)
    return _without_copies(DataSet("clothing", features, labels, "HOG and 6x6 colours, PCA 200", 30, 803, 343))


def clothing_tower(source: Source) -> DataSet:
    """The same photos through the shipped picture tower."""
    pictures, labels = _clothing(source.data)
    vectors = source.pictures("clothing-tower", pictures)
    return _without_copies(DataSet("clothing-tower", vectors, labels, "shipped tower, untrained, 384", 30, 803, 343))


def digits(_source: Source) -> DataSet:
    """Handwritten digits by their pixels."""
    pixels, truth = load_digits(return_X_y=True)
    features, labels = np.asarray(pixels, dtype=np.float32), truth.astype(str)
    return _without_copies(DataSet("digits", features, labels, "pixels, 64", 20, 1258, 539))


def digits_tower(source: Source) -> DataSet:
    """The same digits as pictures through the shipped picture tower."""
    pixels, truth = load_digits(return_X_y=True)
    pictures = [_png(np.round(each.reshape(8, 8) * 255 / 16).astype(np.uint8)) for each in pixels]
    vectors = source.pictures("digits-tower", pictures)
    about = "shipped tower, untrained, 384"
    return _without_copies(DataSet("digits-tower", vectors, truth.astype(str), about, 20, 1258, 539))


def templated(source: Source) -> DataSet:
    """Sentences from templates, where one word decides between two classes."""
    sentences, labels = templated_sentences()
    vectors = source.texts("templated", sentences)
    return _without_copies(DataSet("templated", vectors, labels, "MiniLM, 384", 10, 1600, 800))


DATA_SETS: dict[str, Callable[[Source], DataSet]] = {
    "banking77": banking77,
    "openstax-text": openstax,
    "davidson-tweets": tweets,
    "clothing": clothing,
    "digits": digits,
    "clothing-tower": clothing_tower,
    "digits-tower": digits_tower,
    "templated": templated,
}
JUDGED = ("banking77", "openstax-text", "davidson-tweets", "clothing", "digits")
"""The sets that the goals are about; the others show what the untrained picture tower is worth,
and a trap."""


def _without_copies(data: DataSet) -> DataSet:
    centred = data.features - data.features.mean(axis=0)
    scaled = centred / np.sqrt((centred**2).sum(axis=1).mean())
    first, _ = distinct(scaled, within=_COPY)
    test = None if data.fixed_test is None else data.fixed_test[first]
    sizes = data.pool_size, data.test_size if test is None else int(test.sum())
    return DataSet(data.name, data.features[first], data.labels[first], data.about, data.batch, *sizes, test)


def _lines(file: Path) -> list[dict[str, str]]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _clothing(data: Path) -> tuple[list[bytes], NDArray[np.str_]]:
    folder = data / "clothing"
    items = [json.loads(line) for line in (folder / "items.jsonl").read_text().splitlines()]
    with tarfile.open(folder / "images.tar") as archive:
        files = {Path(member.name).name: archive.extractfile(member) for member in archive if member.isfile()}
        pictures = [_whole(files[item["image"]]) for item in items]
    return pictures, np.array([item["label"] for item in items])


def _whole(file: IO[bytes] | None) -> bytes:
    assert file is not None
    return file.read()


def _png(levels: NDArray[np.uint8]) -> bytes:
    written = io.BytesIO()
    Image.fromarray(levels).save(written, format="PNG")
    return written.getvalue()
