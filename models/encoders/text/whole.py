"""Vectors of whole texts: of each the mean of its windows, as items are embedded where one vector must do."""

from collections.abc import Sequence

import numpy as np

from models.encoders.port import Encoder, Vectors


def mean_of_windows(windows: Vectors) -> Vectors:
    """One vector of unit length for all windows of a text."""
    mean = np.mean(windows, axis=0)
    return np.asarray(mean / (np.linalg.norm(mean) or 1.0), dtype=np.float32)


def vectors_of_texts(encoder: Encoder, texts: Sequence[str], most: int) -> Vectors:
    """One row a text, of its first windows; a text without any is encoded as it is."""
    windows = [encoder.split(text)[:most] or [text] for text in texts]
    rows = encoder.encode_texts([window for some in windows for window in some])
    ends = np.cumsum([len(some) for some in windows])
    return np.stack([mean_of_windows(rows[end - len(some) : end]) for some, end in zip(windows, ends, strict=True)])
