"""Requests that ask once more about an item, such as an adjudication, and do not repeat what annotators see of it."""

from sqlalchemy import Engine, and_, select

from annotation.label_studio.tables import requests
from schemas.annotations import AnnotationRequested, Shown


def completed(engine: Engine, fact: AnnotationRequested) -> AnnotationRequested:
    """The request with what an earlier one for the same version of the item showed; as it is if it shows something."""
    if fact.modality is not None or fact.text is not None or fact.media is not None:
        return fact
    same = and_(requests.c.item_id == fact.item_id, requests.c.tenant == fact.tenant, requests.c.task == fact.task)
    query = select(requests.c.fact).where(same, requests.c.version == fact.version).order_by(requests.c.id.desc())
    with engine.execution_options(reading=True).begin() as connection:
        row = connection.execute(query.limit(1)).first()
    return fact if row is None else fact.model_copy(update=dict(Shown.model_validate_json(row.fact)))
