"""Models as the API tells of them: registered ones, and the encoder of the settings, which is in no registry."""

from typing import Annotated, NamedTuple

from pydantic import AwareDatetime, BaseModel, Field, JsonValue

from models.registry.records import Model, ModelKind, Rollout, RolloutState
from models.registry.registry import Registry
from models.serving.api.routes.learning.job_shapes import moment
from models.serving.live.encoders import LiveEncoders
from schemas.items import Modality
from schemas.training import EVERYTHING, Artifact, ModelEvaluated


class ModelView(BaseModel):
    """A model, and whether it can answer."""

    model: str
    """Its version."""
    kind: ModelKind
    """`encoder`, or `head`: class probabilities from the vectors of an encoder."""
    encoder_version: str
    """The vector space that it works in: vectors are comparable only where it is the same."""
    serving: bool
    loaded: bool
    """Its encoder can be asked for vectors now."""
    dim: int | None
    """Numbers in a vector; null unless loaded, as the two below."""
    modalities: tuple[Modality, ...] | None
    untrained: tuple[Modality, ...] | None
    """Of these its vectors mean nothing yet."""
    parent_version: str | None
    recipe: str
    """`built-in` for the encoder that the deployment is configured with."""
    snapshot_sha256: str
    job_id: str
    created_at: AwareDatetime | None


class LiveView(BaseModel):
    """What serves."""

    generation: Annotated[int, Field(ge=0)]
    model: str
    encoder_version: str


class RolloutView(BaseModel):
    """A candidate on its way."""

    rollout_id: str
    model: str
    encoder_version: str
    previous: str
    """The model that it replaces."""
    state: RolloutState
    share: float
    """Of the searches, to the candidate in the canary, to the previous model while watching."""
    forced: bool
    requested_by: str
    generation: int | None
    """That it became, once it serves."""
    reason: str
    began_at: AwareDatetime
    changed_at: AwareDatetime
    seconds: dict[str, float]
    """By step."""


class Models(BaseModel):
    """What serves, what is on its way, and what there is, newest first."""

    live: LiveView
    rollout: RolloutView | None
    models: list[ModelView]


class ModelDetails(ModelView):
    """All that is known of a model."""

    recipe_sha256: str
    artifacts: list[Artifact]
    facts: dict[str, JsonValue]
    """Figures of its training."""
    seconds: float
    """That its training took."""
    verdict: ModelEvaluated | None
    """The gate's latest, with those of its regressions that are the asker's own items; its reasons and slices are for
    those who may release."""


def listed(live: LiveEncoders, registry: Registry | None, limit: int) -> Models:
    """What serves, what is on its way, and the newest models. Raises Unavailable."""
    standing = live.standing()
    registered = registry.models.list(limit) if registry else []
    known = {model.version for model in registered}
    serving = (standing.model_version, standing.encoder_version)
    unlisted = [version for version in dict.fromkeys((*serving, *sorted(live.shelf_ready()))) if version not in known]
    others = [_registered(registry, version) or built_in(version) for version in unlisted]
    return Models(
        live=LiveView(
            generation=standing.generation, model=standing.model_version, encoder_version=standing.encoder_version
        ),
        rollout=rollout_view(standing.rollout) if standing.rollout else None,
        models=[_view(live, model, standing.model_version) for model in (*others, *registered)],
    )


class Reader(NamedTuple):
    """Who asks about a model."""

    tenant: str
    operates: bool


def described_model(live: LiveEncoders, registry: Registry | None, version: str, reader: Reader) -> ModelDetails | None:
    """A registered model, or the encoder of the settings while it is loaded."""
    model = _registered(registry, version)
    if model is None:
        if version not in live.shelf_ready():
            return None
        model = built_in(version)
    verdict = registry.evaluations.latest(version) if registry else None
    return ModelDetails(
        **_view(live, model, live.standing().model_version).model_dump(),
        recipe_sha256=model.recipe_sha256,
        artifacts=list(model.artifacts),
        facts=dict(model.facts),
        seconds=model.seconds,
        verdict=None if verdict is None else _told(verdict, reader),
    )


def built_in(version: str) -> Model:
    """The encoder that a deployment is configured with."""
    return Model(version, ModelKind.ENCODER, version, recipe="built-in")


def rollout_view(rollout: Rollout) -> RolloutView:
    """A rollout as the API tells of it."""
    return RolloutView(
        rollout_id=rollout.rollout_id,
        model=rollout.model_version,
        encoder_version=rollout.encoder_version,
        previous=rollout.previous_version,
        state=rollout.state,
        share=rollout.share,
        forced=rollout.forced,
        requested_by=rollout.requested_by,
        generation=rollout.generation,
        reason=rollout.reason,
        began_at=moment(rollout.began_at_ms),
        changed_at=moment(rollout.changed_at_ms),
        seconds=dict(rollout.steps),
    )


def _told(verdict: ModelEvaluated, reader: Reader) -> ModelEvaluated:
    """As far as it is the reader's business: names of items, sources and tasks are those of all tenants."""
    own = tuple(one for one in verdict.regressions if one.tenant == reader.tenant)
    if reader.operates:
        return verdict.model_copy(update={"regressions": own})
    whole = tuple(metric for metric in verdict.metrics if metric.slice == EVERYTHING)
    return verdict.model_copy(update={"regressions": own, "metrics": whole, "reasons": ()})


def _registered(registry: Registry | None, version: str) -> Model | None:
    return registry.models.get(version) if registry else None


def _view(live: LiveEncoders, model: Model, serving: str) -> ModelView:
    encoder = live.encoder(model.encoder_version)
    return ModelView(
        model=model.version,
        kind=model.kind,
        encoder_version=model.encoder_version,
        serving=model.version == serving,
        loaded=encoder is not None,
        dim=encoder.dim if encoder else None,
        modalities=tuple(sorted(encoder.modalities)) if encoder else None,
        untrained=tuple(sorted(encoder.untrained)) if encoder else None,
        parent_version=model.parent_version,
        recipe=model.recipe,
        snapshot_sha256=model.snapshot_sha256,
        job_id=model.job_id,
        created_at=moment(model.created_at_ms) if model.created_at_ms else None,
    )
