"""The account of labels saved: drawn up beside the index as labels come, and read by selection as its brake."""

from annotation.account.drawing_up import Bookkeeper
from annotation.selection.rounds import behind_of, strategy_in_force
from annotation.tasks import TaskConfig
from infra.wiring.workshop import Workshop
from infra.worker.process import Service
from models.labels.accounts import Accounts, Verdicts


def account_service(workshop: Workshop) -> Service:
    """Draws accounts up in a thread of its own."""
    settings, verdicts = workshop.settings, Verdicts(workshop.metadata)

    def strategy(task: TaskConfig, model_version: str) -> str:
        behind = behind_of(verdicts, task.tenant, task.name, model_version)
        return strategy_in_force(settings.selection.strategy, behind)[0]

    bookkeeper = Bookkeeper(
        workshop.labels,
        Accounts(workshop.metadata),
        workshop.index.vectors,
        settings.labelling.tasks,
        lambda: workshop.watch.current().encoder_version,
        strategy,
        settings.account,
    )
    return Service("account", bookkeeper.start, bookkeeper.stop, bookkeeper.ready)
