"""Going over to another model: what is kept of candidates is carried along, as only vectors and heads are of a model.

Whoever writes both spaces writes the live one first. So an item whose facts of the new space came too early for the
new model was known to the old one, and is carried along; one that came later tells of itself.
"""

from typing import NamedTuple

from sqlalchemy import Connection, Engine, delete, insert, literal, select

from consumers.scoring.tables import candidates, generations
from models.metadata.dialect import replacing


class Live(NamedTuple):
    """The model whose vectors are scored."""

    model_version: str
    """Of the encoder: the name of the space."""
    dim: int
    generation: int


def go_over(engine: Engine, live: Live) -> None:
    """Candidates of the model before become those of this one, with nothing told of them yet; once a generation."""
    with engine.begin() as connection:
        before = connection.execute(select(generations)).first()
        if before is not None and before.generation >= live.generation:
            return
        if before is not None and before.model_version != live.model_version:
            _carry(connection, before.model_version, live.model_version)
        row = {"id": 1, "generation": live.generation, "model_version": live.model_version}
        connection.execute(replacing(connection, generations), row)


def _carry(connection: Connection, before: str, after: str) -> None:
    connection.execute(delete(candidates).where(candidates.c.model_version == after))
    changed = {"model_version": literal(after), "neighbours": literal("[]"), "told": literal("{}")}
    columns = [changed.get(column.name, column).label(column.name) for column in candidates.c]
    rows = select(*columns).where(candidates.c.model_version == before)
    connection.execute(insert(candidates).from_select([column.name for column in candidates.c], rows))
    connection.execute(delete(candidates).where(candidates.c.model_version != after))  # withdrawals pass them over
