"""Settings of selection."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(gt=0, le=1)]
Seconds = Annotated[float, Field(ge=0, le=31_536_000)]
StrategyName = Literal["graph-herding", "margin", "entropy", "least-confidence", "random"]


class Trait(StrEnum):
    """What a quota can go by."""

    MODALITY = "modality"
    LANGUAGE = "language"
    SOURCE = "source"


class Quota(BaseModel):
    """At most `share` of a period's budget goes to items with this value. Binds the active arm only."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    trait: Trait
    value: str
    share: Share


class SelectionConfig(BaseModel):
    """How much is asked, and of what."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    strategy: StrategyName = "graph-herding"
    """Chooses the active arm, unless the account of labels saved has told against it."""
    random_share: Share = 0.1
    """Of the requests, drawn at random; and of the items, kept for that arm before any of them is scored."""
    budget: Annotated[int, Field(ge=1, le=10_000_000)] = 1_000
    """Requests of a task in one period, both arms together."""
    period_s: Annotated[float, Field(ge=1, le=31_536_000)] = 86_400
    """Length of a period; periods begin at whole multiples of it since the epoch."""
    quotas: tuple[Quota, ...] = ()
    batch: Annotated[int, Field(ge=1, le=10_000)] = 25
    """Requests of one round."""
    open_limit: Annotated[int, Field(ge=1, le=100_000)] = 50
    """Requests of a task that may wait for an answer; a round waits until it fits below."""
    pool_size: Annotated[int, Field(ge=10, le=1_000_000)] = 20_000
    """Candidates kept for a task; beyond it those of the least acquisition go."""
    min_pool: Annotated[int, Field(ge=1, le=1_000_000)] = 200
    """The first round waits for this many candidates, or until none has come for `settle_s`."""
    settle_s: Seconds = 5.0
    """No round while scores still pour in: they may change what is best. Never waits longer than ten times this."""
    cool_down_s: Seconds = 604_800.0
    """An item that was skipped is not asked about again sooner, except in a new version."""
    near_duplicate: Annotated[float, Field(ge=0, le=1)] = 0.975
    """Items whose vectors have at least this cosine are one question: only one of them is asked about."""
    near_share: Annotated[float, Field(ge=0, le=1)] = 0.1
    """They must also be within this share of the squared distance at which a seventh neighbour usually lies."""
    signal_weight: Annotated[float, Field(ge=0, le=1)] = 0.5
    """How far evidence from searches and feedback lifts an item's uncertainty."""
    seed: int = 1
    """Of the draw that decides the random arm. Changed later, it would mix the arms."""
