"""Items that people passed over for one below: HardNegativeMined.

"Skip above" (Joachims et al. 2005, Accurately interpreting clickthrough data as implicit feedback): who takes an item
has looked at those above it and did not want them. An item that was judged unwanted counts wherever it stood. These
facts train, so an answer teaches only if everybody who reacted to it agreed; one refusal is enough to leave it alone.
"""

import json
from collections.abc import Iterable, Iterator, Mapping

from consumers.signals.measures.judgement import wanted
from consumers.signals.windows import Impression
from schemas.searches import Hit
from schemas.signals import HardNegativeMined

JUDGED_WEIGHT = 1.0
SKIPPED_WEIGHT = 0.5
"""What was skipped may only have been overlooked."""

Verdicts = Mapping[str, set[bool]]
"""What was said about each item; contradictory where both were."""


def hard_negatives(impression: Impression) -> Iterable[HardNegativeMined]:
    """Each unwanted item with the nearest wanted one, below it if there is one."""
    if not all(one.consent for one in impression.feedback.values()):
        return []
    said = _verdicts(impression)
    hits = sorted(impression.search.hits, key=lambda hit: hit.position)
    taken = [hit for hit in hits if said.get(hit.item_id) == {True}]
    return list(_pairs(impression, hits, taken, said)) if taken else []


def _verdicts(impression: Impression) -> Verdicts:
    said: dict[str, set[bool]] = {}
    for one in impression.feedback.values():
        if one.item_id is not None and (verdict := wanted(one)) is not None:
            said.setdefault(one.item_id, set()).add(verdict)
    return said


def _pairs(impression: Impression, hits: list[Hit], taken: list[Hit], said: Verdicts) -> Iterator[HardNegativeMined]:
    for hit in hits:
        below = [one for one in taken if one.position > hit.position]
        if said.get(hit.item_id) == {False}:
            yield _mined(impression, below[0] if below else taken[-1], hit, JUDGED_WEIGHT)
        elif hit.item_id not in said and below:
            yield _mined(impression, below[0], hit, SKIPPED_WEIGHT)


def _mined(impression: Impression, positive: Hit, negative: Hit, weight: float) -> HardNegativeMined:
    search = impression.search
    return HardNegativeMined.following(
        search,
        part=json.dumps([negative.item_id, positive.item_id]),
        occurred_at=search.occurred_at,
        tenant=search.tenant,
        query_text=search.query_text,
        positive_id=positive.item_id,
        positive_version=positive.version,
        negative_id=negative.item_id,
        negative_version=negative.version,
        weight=weight,
        model_version=search.model_version,
    )
