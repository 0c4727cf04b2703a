"""Facts about what use tells: measured over windows of event time, and told again when late events change them."""

from pydantic import NonNegativeFloat

from schemas.event import Count, Event, Fact, Moment, Name, PositiveCount, Probability
from schemas.items import ItemFact, Modality, Version


class Window(Fact):
    """The span of event time a measurement covers; the highest revision of a window is the truth."""

    window_start: Moment
    window_s: PositiveCount
    revision: Count
    """Events counted so far: a later measurement of the same window has seen more."""


class ItemSignalMeasured(ItemFact, Window):
    """How searches went that showed an item."""

    impressions: Count
    clicks: Count
    ambiguity: Probability
    """How undecided the searches that showed it were: people clicked about as often as not, or the scores lay close."""
    complaints: Count = 0
    """Corrections and safety complaints."""
    signal: Probability
    """The evidence combined: how much a label of this item would help."""


class QueryFailed(Event, Window):
    """Searches with these words found nothing that people wanted."""

    tenant: Name = "default"
    query_modality: Modality = Modality.TEXT
    query_text: str
    searches: PositiveCount
    failures: Count
    """Of them, without result, without click, or with feedback that says so."""
    model_version: Name


class HardNegativeMined(Event):
    """For a query, an item that people passed over and one below it that they took."""

    tenant: Name = "default"
    query_text: str
    positive_id: Name
    positive_version: Version
    negative_id: Name
    negative_version: Version
    weight: NonNegativeFloat = 1.0
    """How strongly training should believe it."""
    model_version: Name


class ClickRateMeasured(Event, Window):
    """How often answers of one model version and policy were clicked."""

    tenant: Name = "default"
    model_version: Name
    policy: Name
    searches: PositiveCount
    clicked: Count
    """Searches with at least one click."""
    no_results: Count = 0
