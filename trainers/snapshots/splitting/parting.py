"""Gives each item of a snapshot its side: by what it is, by what it is like, and by what earlier snapshots did."""

from collections.abc import Collection, Sequence

from models.encoders.port import Encoder
from trainers.snapshots.config import SnapshotConfig
from trainers.snapshots.rows import Row
from trainers.snapshots.splitting.likeness import Likeness
from trainers.snapshots.splitting.sides import Past, Place, divided, evaluation_side, may_stay


def parted(
    rows: Sequence[Row],
    strangers: Sequence[Row],
    waiting: Collection[Place],
    past: Past,
    likeness: Likeness,
    encoder: Encoder,
    config: SnapshotConfig,
) -> tuple[Row, ...]:
    """The rows with their sides and groups.

    Strangers are compared with, and not frozen: they may be measured with later, or trained models earlier. `waiting`
    are places of items to measure with later, of strangers by their place behind the rows.
    """
    every = [*rows, *strangers]
    drawn = set(evaluation_side(rows, past.measured, config.evaluation_share, config.seed))
    learnt = {place for place, row in enumerate(every) if past.learnt(row)}
    called = drawn.union(waiting)
    fresh = called - learnt
    spoilt = (called & learnt) | likeness.like(every, fresh, learnt, encoder)
    near = likeness.near(every, called - spoilt, encoder)
    barred = {place for place in spoilt if not may_stay(every[place], past)}
    return divided(every, drawn - spoilt, near, set(waiting) - spoilt, barred)[: len(rows)]
