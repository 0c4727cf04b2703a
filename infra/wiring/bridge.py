"""The two sides of the bridge that work beside its stage, and the door for Label Studio's webhooks."""

from typing import TYPE_CHECKING

from infra.wiring.workshop import Workshop
from infra.worker.ops_server import Call, Handler, Reply
from infra.worker.process import Service
from schemas.items import MediaRef

if TYPE_CHECKING:
    from annotation.label_studio.sending.drafts import Desk

LINK_LIVES = 4
"""Links live so many times as long as the bridge takes to renew them."""


def desks(workshop: Workshop) -> "list[Desk]":
    """The tasks as annotators get them, with links to media that the API serves."""
    from annotation.label_studio.sending.drafts import Desk
    from models.serving.api.links import MediaLinks

    settings = workshop.settings
    config = settings.label_studio
    links = MediaLinks(workshop.media_secret, int(LINK_LIVES * config.relink_s))

    def link_of(ref: MediaRef) -> str:
        return f"{settings.api.public_url or ''}{links.link(ref)}"

    return [Desk(task, link_of, config.prelabels, config.spread) for task in settings.labelling.tasks]


def bridge_services(workshop: Workshop) -> tuple[list[Service], dict[tuple[str, str], Handler]]:
    """Exporter and intake, and the route that wakes the intake."""
    from annotation.label_studio.exporter import Exporter
    from annotation.label_studio.intake import Intake
    from annotation.label_studio.webhook import webhook

    settings = workshop.settings
    parts = (workshop.metadata, workshop.label_studio, desks(workshop), settings.label_studio, settings.kafka.prefix)
    exporter, intake = Exporter(*parts), Intake(*parts, workshop.producer())
    answer = webhook(intake.wake, settings.label_studio.webhook_secret)

    def called(call: Call) -> Reply:
        return Reply(*answer(call.headers, call.body))

    services = [
        Service(name, side.start, side.stop, side.ready) for name, side in (("exporter", exporter), ("intake", intake))
    ]
    return services, {("POST", "/webhook"): called}
