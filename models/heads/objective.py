"""Multinomial logistic regression as numbers: the loss, its gradient, and the descent."""

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from threadpoolctl import ThreadpoolController

Floats = NDArray[np.floating]
Rows = NDArray[np.intp]

_GRADIENT_TOLERANCE = 1e-4


def log_softmax(logits: Floats) -> Floats:
    """Logarithms of the probabilities of each row."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def balanced(truth: Rows, trust: Floats, classes: int) -> NDArray[np.float64]:
    """Weights under which every class counts the same and their mean is one."""
    sizes = np.bincount(truth, weights=trust, minlength=classes)
    return np.asarray(trust * (trust.sum() / (classes * sizes[truth])), dtype=np.float64)


def descend(features: Floats, truth: Rows, weights: Floats, penalty: float, start: Floats, max_steps: int) -> Floats:
    """The (classes, dim + 1) coefficients, bias last, after at most `max_steps` of L-BFGS from `start`.

    `penalty` falls on the coefficients, not on the bias. On one BLAS thread: products this small gain nothing from
    more, and waiting threads on shared cores made a fit 30 times slower.
    """
    loss = _loss(features, truth, weights, penalty, start.shape)
    with _pools().limit(limits=1, user_api="blas"):
        found = minimize(
            loss,
            start.ravel().astype(np.float64),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": max_steps, "gtol": _GRADIENT_TOLERANCE},
        )
    return np.asarray(found.x.reshape(start.shape), dtype=np.float64)


def _loss(
    features: Floats, truth: Rows, weights: Floats, penalty: float, shape: tuple[int, ...]
) -> Callable[[NDArray[np.float64]], tuple[float, NDArray[np.float64]]]:
    rows = np.arange(len(truth))
    shares = np.asarray(weights / weights.sum(), dtype=np.float64)

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        coefficients = flat.reshape(shape)
        slopes = coefficients[:, :-1]
        logits = (features @ slopes.T.astype(features.dtype)).astype(np.float64) + coefficients[:, -1]
        logs = log_softmax(logits)
        value = -float(shares @ logs[rows, truth]) + 0.5 * penalty * float((slopes**2).sum())
        errors = np.exp(logs)
        errors[rows, truth] -= 1
        errors *= shares[:, None]
        gradient = np.empty(shape)
        gradient[:, :-1] = errors.T.astype(features.dtype) @ features + penalty * slopes
        gradient[:, -1] = errors.sum(axis=0)
        return value, gradient.ravel()

    return loss


@cache
def _pools() -> ThreadpoolController:
    return ThreadpoolController()
