"""Searches that found nothing people wanted: QueryFailed.

The words of a query reach training through this fact, so it is told only where somebody who searched with these words
in this window agreed that feedback may be used for training.
"""

from collections.abc import Hashable, Iterable, Sequence
from typing import NamedTuple

from consumers.signals.measures.identity import measured
from consumers.signals.measures.judgement import wanted
from consumers.signals.windows import Impression, Span
from schemas.searches import SearchServed
from schemas.signals import QueryFailed


class QueryKey(NamedTuple):
    tenant: str
    modality: str
    words: str
    model_version: str


class FailedQueries:
    """Counts the searches of each query, told apart by their words whatever their case and spacing."""

    def keys(self, search: SearchServed) -> Iterable[Hashable]:
        words = " ".join(search.query_text.casefold().split())
        return [QueryKey(search.tenant, search.query_modality.value, words, search.model_version)]

    def fact(self, key: Hashable, shown: Sequence[Impression], span: Span) -> QueryFailed | None:
        assert isinstance(key, QueryKey)
        failures = sum(map(failed, shown))
        agreed = any(one.consent for impression in shown for one in impression.feedback.values())
        if not failures or not agreed:
            return None
        return QueryFailed(
            **measured(QueryFailed, span, key, shown),
            tenant=key.tenant,
            query_modality=shown[0].search.query_modality,
            query_text=key.words,
            searches=len(shown),
            failures=failures,
            model_version=key.model_version,
        )


def failed(impression: Impression) -> bool:
    """Nothing was found, somebody said that it was not what they wanted, or nobody wanted any of it."""
    verdicts = [wanted(one) for one in impression.feedback.values()]
    about_all = [wanted(one) for one in impression.feedback.values() if one.item_id is None]
    return not impression.search.hits or False in about_all or True not in verdicts
