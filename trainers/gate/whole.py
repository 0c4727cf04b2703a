"""Measures that are no mean over items: macro-F1 and the calibration error, for all resamples at once."""

import numpy as np

from trainers.gate.outcomes import Answers, Codes, Floats

_BINS = 10


def macro_f1(answers: Answers, counts: Floats) -> Floats:
    """Mean F1 of the classes that occur in the truth, for each row of counts; 0 for a class that is never found."""
    classes = int(max(answers.truth.max(), answers.said.max())) + 1
    true, said = _one_hot(answers.truth, classes), _one_hot(answers.said, classes)
    present = counts @ true
    shares = 2 * (counts @ (true * said)) / np.maximum(present + counts @ said, 1e-12)
    return np.asarray((shares * (present > 0)).sum(axis=1) / np.maximum((present > 0).sum(axis=1), 1))


def calibration_error(answers: Answers, counts: Floats) -> Floats:
    """Expected calibration error: how far, over ten bins of confidence, confidence and accuracy lie apart."""
    bins = _one_hot(np.minimum((answers.sure * _BINS).astype(np.intp), _BINS - 1), _BINS)
    gaps = (answers.truth == answers.said).astype(np.float64) - answers.sure
    return np.asarray(np.abs(counts @ (bins * gaps[:, None])).sum(axis=1) / counts.sum(axis=1))


def _one_hot(codes: Codes, width: int) -> Floats:
    return np.asarray(codes[:, None] == np.arange(width), dtype=np.float64)
