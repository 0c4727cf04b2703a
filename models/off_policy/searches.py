"""Off-policy estimates from our own facts: what a change of the ranking would do to clicks.

An action is a result shown at a position; its reward is 1 if it was clicked there. That clicks depend on the result
and its position alone, not on its neighbours, is the item-position model (Li et al. 2018, Offline evaluation of
ranking policies with click models). Values are clicks for each result shown. Searches are resampled whole.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.off_policy.estimators import Estimate, Log, Numbers, doubly_robust, ips, snips
from schemas.searches import FeedbackGiven, FeedbackKind, Hit, SearchServed
from streams.errors import Misconfigured

Target = Callable[[SearchServed], Sequence[float]]
"""For each hit of a search, the probability that the target ranking shows this item at this position."""


@dataclass(frozen=True, slots=True)
class Estimates:
    """The same question, answered three ways. They should agree; `doubly_robust` is the one to quote."""

    ips: Estimate
    snips: Estimate
    doubly_robust: Estimate
    logged: Estimate
    """What the logged ranking itself earned."""


def estimate(
    searches: Iterable[SearchServed], feedback: Iterable[FeedbackGiven], target: Target, clip: float | None = None
) -> Estimates:
    """What `target` would earn where `searches` were served. Raises Misconfigured where nothing was shown.

    Repeated facts count once. Feedback about other searches, or of another tenant, is left out.
    """
    served = {one.event_id: one for one in searches if one.hits}
    if not served:
        raise Misconfigured("there is no search with results to estimate from")
    clicks = {
        (one.impression_id, one.item_id)
        for one in feedback
        if one.kind == FeedbackKind.CLICK
        and one.impression_id in served
        and one.tenant == served[one.impression_id].tenant
    }
    shown = [(number, search, hit) for number, search in enumerate(served.values()) for hit in search.hits]
    rewards = np.array([float((search.event_id, hit.item_id) in clicks) for _, search, hit in shown])
    wanted = np.concatenate([_probabilities(target, search) for search in served.values()])
    propensities = np.array([hit.propensity for _, _, hit in shown])
    groups = np.array([number for number, _, _ in shown])
    log = Log.of(rewards, propensities, wanted, groups)
    usual = _usual(np.array([hit.position for _, _, hit in shown]), rewards)
    return Estimates(
        ips=ips(log, clip),
        snips=snips(log, clip),
        doubly_robust=doubly_robust(log, usual, usual, clip),
        logged=ips(Log.of(rewards, propensities, propensities, groups)),
    )


def ranked_by(score: Callable[[Hit], float]) -> Target:
    """The ranking that shows what a search found in the order of a score, without chance."""

    def target(search: SearchServed) -> list[float]:
        order = sorted(search.hits, key=lambda hit: (-score(hit), hit.position))
        places = {hit.item_id: place for place, hit in enumerate(order, start=1)}
        return [float(places[hit.item_id] == hit.position) for hit in search.hits]

    return target


without_chance: Target = ranked_by(lambda hit: hit.score)
"""The served ranking itself, before chance moved anything."""


def _probabilities(target: Target, search: SearchServed) -> Numbers:
    found = np.asarray(target(search), dtype=np.float64)
    if found.shape != (len(search.hits),):
        raise Misconfigured("a target gives one probability for each hit of a search")
    return found


def _usual(positions: NDArray[np.int64], rewards: Numbers) -> Numbers:
    """The model of rewards: how often a position is clicked, whatever it shows. The same under every ranking."""
    shown = np.bincount(positions)
    found: Numbers = (np.bincount(positions, rewards) / np.maximum(shown, 1))[positions]
    return found
