"""How searches went that showed an item: ItemSignalMeasured.

Clicks depend on where an item stood. A position counts as looked at if it is at or above the lowest click (people read
from the top, Joachims et al. 2005), so that items below are not blamed for being out of sight.
"""

from collections.abc import Hashable, Iterable, Sequence
from statistics import fmean
from typing import NamedTuple

from consumers.signals.measures.identity import measured
from consumers.signals.measures.judgement import COMPLAINTS, wanted
from consumers.signals.windows import Impression, Span
from schemas.searches import FeedbackGiven, FeedbackKind, Hit, SearchServed
from schemas.signals import ItemSignalMeasured

FAMILIAR = 4
"""With this many looks, what clicks say of an item is believed half."""


class Looks(NamedTuple):
    """How often people looked at an item, and clicked it."""

    looks: int
    clicks: int

    @property
    def undecided(self) -> float:
        """1 where people clicked about as often as not, 0 where they agreed; little before many have looked."""
        if self.looks == 0:
            return 0.0
        rate = self.clicks / self.looks
        return 4 * rate * (1 - rate) * self.looks / (self.looks + FAMILIAR)

    @property
    def passed_over(self) -> float:
        """How often something below was preferred: the ranking was wrong about it."""
        return (self.looks - self.clicks) / (self.looks + FAMILIAR)


class ItemKey(NamedTuple):
    tenant: str
    item_id: str


class ItemSignals:
    """Measures every item that was shown."""

    def keys(self, search: SearchServed) -> Iterable[Hashable]:
        return {ItemKey(search.tenant, hit.item_id) for hit in search.hits}

    def fact(self, key: Hashable, shown: Sequence[Impression], span: Span) -> ItemSignalMeasured:
        assert isinstance(key, ItemKey)
        about = [one for impression in shown for one in impression.feedback.values() if one.item_id == key.item_id]
        looks = looks_at(shown, key.item_id)
        ambiguity = max(looks.undecided, closeness(shown, key.item_id))
        complaints = sum(one.kind in COMPLAINTS for one in about)
        return ItemSignalMeasured(
            **measured(ItemSignalMeasured, span, key, shown),
            tenant=key.tenant,
            item_id=key.item_id,
            impressions=len(shown),
            clicks=sum(key.item_id in clicked(impression) for impression in shown),
            ambiguity=ambiguity,
            complaints=complaints,
            signal=evidence(ambiguity, looks.passed_over, complaints / (complaints + 1), share_unwanted(about)),
        )


def clicked(impression: Impression) -> set[str]:
    """Items of an answer that were clicked at least once."""
    kinds = (one for one in impression.feedback.values() if one.kind == FeedbackKind.CLICK)
    return {one.item_id for one in kinds if one.item_id is not None}


def looks_at(shown: Sequence[Impression], item_id: str) -> Looks:
    """Over the answers where it stood at or above the lowest click."""
    looks = clicks = 0
    for impression in shown:
        if not (chosen := clicked(impression)):
            continue
        positions = {hit.item_id: hit.position for hit in impression.search.hits}
        lowest = max((positions[one] for one in chosen if one in positions), default=0)
        if positions[item_id] <= lowest:
            looks += 1
            clicks += item_id in chosen
    return Looks(looks, clicks)


def closeness(shown: Sequence[Impression], item_id: str) -> float:
    """1 where the scores of its neighbours in the answers equal its own, 0 where they are spread evenly or wider."""
    return fmean(_closeness(impression.search.hits, item_id) for impression in shown)


def _closeness(hits: Sequence[Hit], item_id: str) -> float:
    scores = sorted(hit.score for hit in hits)
    own = next(hit.score for hit in hits if hit.item_id == item_id)
    if len(scores) < 2:
        return 0.0
    even_gap = (scores[-1] - scores[0]) / (len(scores) - 1)
    scores.remove(own)
    gap = min(abs(own - score) for score in scores)
    return 1.0 if even_gap == 0 else max(0.0, 1 - gap / even_gap)


def share_unwanted(about: Sequence[FeedbackGiven]) -> float:
    """Of the judgements of an item, with one that liked it assumed."""
    verdicts = [wanted(one) for one in about if one.kind != FeedbackKind.CLICK]
    against = verdicts.count(False)
    return against / (against + verdicts.count(True) + 1)


def evidence(*parts: float) -> float:
    """Independent pieces of evidence, each 0 to 1, together."""
    doubt = 1.0
    for part in parts:
        doubt *= 1 - part
    return min(1.0, max(0.0, 1 - doubt))
