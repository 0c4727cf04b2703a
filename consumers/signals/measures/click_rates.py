"""How often answers are clicked, by model version and ranking: ClickRateMeasured."""

from collections.abc import Hashable, Iterable, Sequence
from typing import NamedTuple

from consumers.signals.measures.identity import measured
from consumers.signals.measures.items import clicked
from consumers.signals.windows import Impression, Span
from schemas.searches import FeedbackKind, SearchServed
from schemas.signals import ClickRateMeasured


class RateKey(NamedTuple):
    tenant: str
    model_version: str
    policy: str


class ClickRates:
    """Counts the searches of each model version and ranking."""

    def keys(self, search: SearchServed) -> Iterable[Hashable]:
        return [RateKey(search.tenant, search.model_version, search.policy)]

    def fact(self, key: Hashable, shown: Sequence[Impression], span: Span) -> ClickRateMeasured:
        assert isinstance(key, RateKey)
        return ClickRateMeasured(
            **measured(ClickRateMeasured, span, key, shown),
            tenant=key.tenant,
            model_version=key.model_version,
            policy=key.policy,
            searches=len(shown),
            clicked=sum(bool(clicked(impression)) for impression in shown),
            no_results=sum(map(without_result, shown)),
        )


def without_result(impression: Impression) -> bool:
    """Nothing was found, or nothing that the person was looking for."""
    said = any(one.kind == FeedbackKind.NO_RESULT for one in impression.feedback.values())
    return said or not impression.search.hits
