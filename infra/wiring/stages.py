"""Each stage with the adapters behind its ports."""

from collections.abc import Callable
from functools import partial

from infra.wiring.workshop import Workshop
from streams.errors import BadRecord, Unavailable
from streams.stage import AnyStage


def _curation(workshop: Workshop) -> AnyStage:
    from consumers.curation.claims import Claims
    from consumers.curation.stage import curation_stage

    settings = workshop.settings
    return curation_stage(settings.curation, workshop.media, Claims(workshop.metadata), settings.kafka.log_epoch)


def _embedding(workshop: Workshop) -> AnyStage:
    from consumers.embedding.spaces import WrittenSpaces
    from consumers.embedding.stage import embedding_stage

    spaces = WrittenSpaces(workshop.watch, workshop.shelf)
    return embedding_stage(spaces, workshop.media, workshop.settings.embedding, workshop.embedder)


def _indexing(workshop: Workshop) -> AnyStage:
    from consumers.indexing.stage import indexing_stage

    return indexing_stage(workshop.index)


def _recording(workshop: Workshop) -> AnyStage:
    from consumers.recording.clickhouse import ClickHouseTables
    from consumers.recording.stage import recording_stage

    return recording_stage(ClickHouseTables(workshop.clickhouse.writer, workshop.settings.kafka.log_epoch))


def _scoring(workshop: Workshop) -> AnyStage:
    from consumers.scoring.generations import Live
    from consumers.scoring.stage import scoring_stage

    settings = workshop.settings

    def live() -> Live:
        standing = workshop.watch.current()
        try:
            encoder = workshop.shelf.get(standing.encoder_version)
        except BadRecord as error:
            raise Unavailable(f"the model that serves cannot be loaded: {error}") from error
        return Live(encoder.version, encoder.dim, standing.generation)

    return scoring_stage(
        settings.labelling.tasks,
        workshop.index,
        workshop.labels,
        workshop.heads,
        workshop.metadata,
        settings.scoring,
        live,
    )


def _selection(workshop: Workshop) -> AnyStage:
    from annotation.selection.rounds import behind_of
    from annotation.selection.stage import selection_stage
    from models.labels.accounts import Verdicts

    settings = workshop.settings
    behind = partial(behind_of, Verdicts(workshop.metadata))
    return selection_stage(workshop.metadata, settings.labelling.tasks, settings.selection, behind)


def _consensus(workshop: Workshop) -> AnyStage:
    from annotation.quality.stage import consensus_stage

    return consensus_stage(workshop.metadata, workshop.settings.labelling, workshop.settings.quality)


def _bridge(workshop: Workshop) -> AnyStage:
    from annotation.label_studio.outbox import Outbox
    from annotation.label_studio.stage import bridge_stage
    from infra.wiring.bridge import desks

    return bridge_stage(Outbox(workshop.metadata), desks(workshop))


def _mining(workshop: Workshop) -> AnyStage:
    from consumers.mining.stage import mining_stage
    from models.mined.store import MinedStore

    return mining_stage(MinedStore(workshop.metadata))


def _catalogue(workshop: Workshop) -> AnyStage:
    from trainers.snapshots.catalogue.catalogue import ItemCatalogue
    from trainers.snapshots.catalogue.stage import catalogue_stage

    return catalogue_stage(ItemCatalogue(workshop.metadata, workshop.settings.snapshots))


def _training(workshop: Workshop) -> AnyStage:
    from trainers.jobs.stage import training_stage

    return training_stage(workshop.registry)


def _evaluation(workshop: Workshop) -> AnyStage:
    from trainers.evaluation.stage import evaluation_stage

    return evaluation_stage(workshop.registry)


def _rollout(workshop: Workshop) -> AnyStage:
    from trainers.rollout.stage import rollout_stage

    return rollout_stage(workshop.registry, workshop.watch, workshop.settings.rollout)


def _guardrails(workshop: Workshop) -> AnyStage:
    from trainers.rollout.guardrails.stage import guardrails_stage

    return guardrails_stage(workshop.registry, workshop.watch, workshop.settings.rollout)


STAGES: dict[str, Callable[[Workshop], AnyStage]] = {
    "curation": _curation,
    "embedding": _embedding,
    "indexing": _indexing,
    "recording": _recording,
    "scoring": _scoring,
    "selection": _selection,
    "consensus": _consensus,
    "bridge": _bridge,
    "mining": _mining,
    "catalogue": _catalogue,
    "training": _training,
    "evaluation": _evaluation,
    "rollout": _rollout,
    "guardrails": _guardrails,
}
